import { parseHostLinkName } from "../name.ts";
import { bits, flag, parsed, type Option } from "../option.ts";

// Types, not interfaces: only so they are OptionSets.
export type AreaOptions = {
  readonly icc: Option<boolean> & { readonly default: boolean };
  readonly masquerade: Option<boolean> & { readonly default: boolean };
};

/** Of a network with a bridge. */
export type GuardOptions = {
  readonly "spoof-check": Option<boolean> & { readonly default: boolean };
};

/** Ingress is towards the sandbox, egress is from it, as in CNI's bandwidth plugin. */
export type RateOptions = {
  readonly "rate-ingress": Option<number>;
  readonly "rate-egress": Option<number>;
  readonly "burst-ingress": Option<number>;
  readonly "burst-egress": Option<number>;
};

export type BridgedEndpointOptions = RateOptions & {
  readonly "host-ifname": Option<string>;
};

/** Options of a network, each with the name that Docker's bridges know it by as an alias, if it has one. */
export const areaOptions: AreaOptions = {
  icc: flag("whether sandboxes on the network reach each other", {
    aliases: ["com.docker.network.bridge.enable_icc"],
    default: true,
  }),
  masquerade: flag("whether sandboxes reach the outside with the host's address", {
    aliases: ["com.docker.network.bridge.enable_ip_masquerade"],
    default: true,
  }),
};

/** Whoever adds addresses inside, as keepalived, a bridge or a virtual machine there does, goes without. */
export function spoofCheck(byDefault: boolean): GuardOptions {
  const what = "whether sandboxes are held to their own MACs and addresses, by IP, ARP and ND";
  return { "spoof-check": flag(what, { default: byDefault }) };
}

const rates = { min: "8kbit", max: "1tbit", value: "RATE" };
const bursts = { min: "16kbit", max: "32gbit", value: "BITS" };

/** Options of any endpoint that is the other end of a pair. */
export const rateOptions: RateOptions = {
  "rate-ingress": bits("bits per second towards the sandbox, for example 10mbit (default: no limit)", rates, {}),
  "rate-egress": bits("bits per second from the sandbox (default: no limit)", rates, {}),
  "burst-ingress": bits("bits that may come at once (default: those of 10 ms)", bursts, {}),
  "burst-egress": bits("bits that may go at once (default: those of 10 ms)", bursts, {}),
};

/** Options of an endpoint. */
export const endpointOptions: BridgedEndpointOptions = {
  "host-ifname": parsed("the name of the host's end of its pair (default: from the id)", "NAME", parseHostLinkName, {}),
  ...rateOptions,
};
