import { familyOf, kernelName, NetkitError, type NetworkView, type Resource } from "@netkit/core";
import { hostResources } from "./host-access.ts";
import type { MacvlanOptions } from "./options.ts";

type View = NetworkView<MacvlanOptions>;

/** The name of the link that the network's interfaces lie on. */
export function parentName({ instance, id, options }: View): string {
  return options.parent ?? kernelName("m", instance, id);
}

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  refuseSmallMtu(view);
  const { parent, mtu } = view.options;
  const name = parentName(view);
  const forHost = hostResources(view, name);
  if (parent !== undefined) return [{ kind: "link", ns: "host", ensure: "exists", name }, ...forHost];
  refuseWithoutWire(view);
  return [
    // An ifb drops what it is given to send, so that the interfaces on it reach each other and not the host. A bridge without
    // ports would do that, too, but has no carrier once its MAC is set.
    { kind: "ifb", ns: "host", name, ...(mtu === undefined ? {} : { mtu }) },
    { kind: "sysctl", ns: "host", path: `net/ipv6/conf/${name}/disable_ipv6`, value: "1" },
  ];
}

/** @throws NetkitError OPTION_INVALID for what makes no sense on a wire of the network's own */
function refuseWithoutWire({ name, internal, subnets, options }: View): void {
  if (options.mode === "passthru") {
    throw new NetkitError("OPTION_INVALID", `network '${name}' has the mode passthru, but no parent to pass through`, {
      hint: "Name the link of the host: -o parent=LINK",
    });
  }
  const gateway = subnets.find((subnet) => subnet.gateway !== undefined)?.gateway;
  if (internal || gateway === undefined) return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${name}' has the gateway ${gateway}, but no parent that leads there`,
    {
      hint: "Name the link of the host (-o parent=LINK), or leave out the gateway.",
      details: { gateway },
    },
  );
}

/** Below the least MTU of IPv6 (RFC 8200, section 5) the kernel drops IPv6 from a link without a word. */
function refuseSmallMtu({ name, subnets, options: { mtu } }: View): void {
  if (mtu === undefined || mtu >= 1280 || subnets.every(({ subnet }) => familyOf(subnet) === "ipv4")) return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${name}' has IPv6, which needs an MTU of 1280 at least, not ${mtu}`,
    {
      hint: "Set -o mtu=1280 or more, or leave out IPv6.",
      details: { mtu },
    },
  );
}
