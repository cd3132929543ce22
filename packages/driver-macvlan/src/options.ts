import { choice, flag, parentOptions, type MacvlanResource, type Option, type ParentOptions } from "@netkit/core";

/**
 * What an interface shares its parent's wire with. `bridge`: the others on it directly. `private`: not with them. `vepa`: with
 * them if the switch sends frames back. `passthru`: nobody, the parent is its own. `source`: it hears those alone whose MACs somebody
 * names to the kernel (`ip link set eth0 type macvlan macaddr add MAC` in the sandbox), nobody before.
 */
export type MacvlanMode = MacvlanResource["mode"];

const modes = ["bridge", "private", "vepa", "passthru", "source"] as const satisfies MacvlanMode[];

export type MacvlanOptions = ParentOptions & {
  readonly mode: Option<MacvlanMode> & { readonly default: MacvlanMode };
  readonly "host-access": Option<boolean> & { readonly default: boolean };
};

export const networkOptions: MacvlanOptions = {
  parent: parentOptions.parent,
  mode: choice("who sandboxes on the wire of the parent reach", modes, {
    aliases: ["macvlan_mode"],
    default: "bridge",
  }),
  mtu: parentOptions.mtu,
  "host-access": flag("host and sandboxes reach each other, by an address that the host gets", { default: false }),
};
