import {
  choice,
  flag,
  integer,
  NetkitError,
  parsed,
  parseHostLinkName,
  type MacvlanResource,
  type Option,
} from "@netkit/core";

/**
 * What an interface shares its parent's wire with. `bridge`: the others on it directly. `private`: not with them. `vepa`: with
 * them if the switch sends frames back. `passthru`: nobody, the parent is its own.
 */
export type MacvlanMode = MacvlanResource["mode"];

const modes = ["bridge", "private", "vepa", "passthru"] as const satisfies MacvlanMode[];

// A type, not an interface: only so it is an OptionSet.
export type MacvlanOptions = {
  readonly parent: Option<string>;
  readonly mode: Option<MacvlanMode> & { readonly default: MacvlanMode };
  readonly mtu: Option<number>;
  readonly "host-access": Option<boolean> & { readonly default: boolean };
};

/** `parent` is Docker's name, too. */
export const networkOptions: MacvlanOptions = {
  parent: parsed(
    "the host's link on whose wire the sandboxes are (default: a wire of their own)",
    "LINK",
    parentName,
    {},
  ),
  mode: choice("who sandboxes on the wire of the parent reach", modes, {
    aliases: ["macvlan_mode"],
    default: "bridge",
  }),
  mtu: integer(
    "MTU of the sandboxes' interfaces (default: the parent's)",
    { min: 68, max: 65_535, value: "BYTES" },
    { aliases: ["com.docker.network.driver.mtu"] },
  ),
  "host-access": flag("host and sandboxes reach each other, by an address that the host gets", { default: false }),
};

function parentName(text: string): string {
  if (text !== "lo") return parseHostLinkName(text);
  throw new NetkitError("OPTION_INVALID", "the loopback interface is no wire", {
    hint: "Name another link, or leave out the parent for a network of its own.",
  });
}
