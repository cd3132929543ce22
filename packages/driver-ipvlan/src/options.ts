import { choice, parentOptions, type IpvlanResource, type Option, type ParentOptions } from "@netkit/core";

/** `l2`: on the parent's wire. `l3`: routed to it, past the host's netfilter. `l3s`: routed, through netfilter. */
export type IpvlanMode = IpvlanResource["mode"];

/**
 * Whom interfaces reach on their parent. `bridge`: each other directly. `private`: not each other. `vepa`: each other if the switch
 * sends frames back.
 */
export type IpvlanFlag = IpvlanResource["flag"];

const modes = ["l2", "l3", "l3s"] as const satisfies IpvlanMode[];
const flags = ["bridge", "private", "vepa"] as const satisfies IpvlanFlag[];

export type IpvlanOptions = ParentOptions & {
  readonly mode: Option<IpvlanMode> & { readonly default: IpvlanMode };
  readonly flag: Option<IpvlanFlag> & { readonly default: IpvlanFlag };
};

export const networkOptions: IpvlanOptions = {
  parent: parentOptions.parent,
  mode: choice("how sandboxes are joined to the parent", modes, { aliases: ["ipvlan_mode"], default: "l2" }),
  flag: choice("whom sandboxes on the parent reach", flags, { aliases: ["ipvlan_flag"], default: "bridge" }),
  mtu: parentOptions.mtu,
};
