import { NetkitError } from "./errors.ts";
import { mtuOption } from "./mtu.ts";
import { parseHostLinkName } from "./name.ts";
import { parsed, type Option } from "./option.ts";

// A type, not an interface: only so it is an OptionSet.
/** The options that networks on the wire of a link have in common, whatever their driver. */
export type ParentOptions = {
  readonly parent: Option<string>;
  readonly mtu: Option<number>;
};

/** `parent` is Docker's name, too. */
export const parentOptions: ParentOptions = {
  parent: parsed(
    "the host's link on whose wire the sandboxes are (default: a wire of their own)",
    "LINK[.VLAN]",
    parseParent,
    {},
  ),
  mtu: mtuOption("MTU of the sandboxes' interfaces (default: the parent's)"),
};

function parseParent(text: string): string {
  if (text !== "lo") return parseHostLinkName(text);
  throw new NetkitError("OPTION_INVALID", "the loopback interface is no wire", {
    hint: "Name another link, or leave out the parent for a network of its own.",
  });
}
