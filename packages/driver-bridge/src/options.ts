import {
  bits,
  familyOf,
  flag,
  integer,
  parsed,
  parseIp,
  parseLinkName,
  type Family,
  type Ip,
  type Option,
} from "@netkit/core";

type WithDefault<T> = Option<T> & { readonly default: T };

// A type, not an interface: only so it is an OptionSet.
export type BridgeOptions = {
  readonly name: Option<string>;
  readonly mtu: Option<number>;
  readonly icc: WithDefault<boolean>;
  readonly masquerade: WithDefault<boolean>;
  readonly "host-address": Option<Ip>;
  readonly "snat-ipv4": Option<Ip>;
  readonly "snat-ipv6": Option<Ip>;
};

/** Ingress is towards the sandbox, egress is from it, as in CNI's bandwidth plugin. */
export type BridgeEndpointOptions = {
  readonly "rate-ingress": Option<number>;
  readonly "rate-egress": Option<number>;
  readonly "burst-ingress": Option<number>;
  readonly "burst-egress": Option<number>;
};

/** Each has the name that Docker knows it by as an alias. */
export const networkOptions: BridgeOptions = {
  name: parsed("the bridge's name; an existing bridge is used and never removed", "NAME", parseLinkName, {
    aliases: ["com.docker.network.bridge.name"],
  }),
  mtu: integer(
    "MTU of the bridge and of the sandboxes' interfaces (default: the uplink's)",
    { min: 68, max: 65_535, value: "BYTES" },
    { aliases: ["com.docker.network.driver.mtu"] },
  ),
  icc: flag("whether sandboxes on the network reach each other", {
    aliases: ["com.docker.network.bridge.enable_icc"],
    default: true,
  }),
  masquerade: flag("whether sandboxes reach the outside with the host's address", {
    aliases: ["com.docker.network.bridge.enable_ip_masquerade"],
    default: true,
  }),
  "host-address": parsed("where ports are published that name no host address (default: everywhere)", "IP", parseIp, {
    aliases: ["com.docker.network.bridge.host_binding_ipv4"],
  }),
  "snat-ipv4": parsed("source address towards the outside instead of the uplink's", "IP", ipOfFamily("ipv4"), {
    aliases: ["com.docker.network.host_ipv4"],
  }),
  "snat-ipv6": parsed("source address towards the outside instead of the uplink's", "IP", ipOfFamily("ipv6"), {
    aliases: ["com.docker.network.host_ipv6"],
  }),
};

const rates = { min: "8kbit", max: "1tbit", value: "RATE" };
const bursts = { min: "16kbit", max: "32gbit", value: "BITS" };

export const endpointOptions: BridgeEndpointOptions = {
  "rate-ingress": bits("bits per second towards the sandbox, for example 10mbit (default: no limit)", rates, {}),
  "rate-egress": bits("bits per second from the sandbox (default: no limit)", rates, {}),
  "burst-ingress": bits("bits that may come at once (default: those of 10 ms)", bursts, {}),
  "burst-egress": bits("bits that may go at once (default: those of 10 ms)", bursts, {}),
};

function ipOfFamily(family: Family): (text: string) => Ip {
  return (text) => {
    const ip = parseIp(text);
    if (familyOf(ip) !== family) throw new TypeError(`expected an ${family === "ipv4" ? "IPv4" : "IPv6"} address`);
    return ip;
  };
}
