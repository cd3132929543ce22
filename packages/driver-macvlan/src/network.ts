import { NetkitError, parentName, parentResources, type NetworkView, type Resource } from "@netkit/core";
import { hostResources } from "./host-access.ts";
import type { MacvlanOptions } from "./options.ts";

type View = NetworkView<MacvlanOptions>;

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  refuseLonelyPassthru(view);
  return [...parentResources(view), ...hostResources(view, parentName(view))];
}

function refuseLonelyPassthru({ name, options: { parent, mode } }: View): void {
  if (parent !== undefined || mode !== "passthru") return;
  throw new NetkitError("OPTION_INVALID", `network '${name}' has the mode passthru, but no parent to pass through`, {
    hint: "Name the link of the host: -o parent=LINK",
  });
}
