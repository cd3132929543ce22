import {
  bits,
  choice,
  familyOf,
  flag,
  integer,
  parsed,
  parseIp,
  parseHostLinkName,
  type Family,
  type Ip,
  type Option,
} from "@netkit/core";

type WithDefault<T> = Option<T> & { readonly default: T };

/**
 * How a family of a network is joined to the outside. `nat`: by the host's addresses, both ways. `nat-unprotected`: so, and
 * the sandboxes' own addresses are open to all. `routed`: by the sandboxes' own addresses, where published ports are open.
 * `isolated`: not at all, not even to the host.
 */
export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";

const gatewayModes = ["nat", "nat-unprotected", "routed", "isolated"] as const satisfies GatewayMode[];

// A type, not an interface: only so it is an OptionSet.
export type BridgeOptions = {
  readonly name: Option<string>;
  readonly mtu: Option<number>;
  readonly icc: WithDefault<boolean>;
  readonly masquerade: WithDefault<boolean>;
  readonly "host-address": Option<Ip>;
  readonly "snat-ipv4": Option<Ip>;
  readonly "snat-ipv6": Option<Ip>;
  readonly "gateway-mode-ipv4": WithDefault<GatewayMode>;
  readonly "gateway-mode-ipv6": WithDefault<GatewayMode>;
  readonly "inhibit-ipv4": WithDefault<boolean>;
  readonly "trusted-host-interfaces": Option<readonly string[]>;
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
  name: parsed("the bridge's name; an existing bridge is used and never removed", "NAME", parseHostLinkName, {
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
  "gateway-mode-ipv4": choice("how IPv4 is joined to the outside", gatewayModes, {
    aliases: ["com.docker.network.bridge.gateway_mode_ipv4"],
    default: "nat",
  }),
  "gateway-mode-ipv6": choice("how IPv6 is joined to the outside", gatewayModes, {
    aliases: ["com.docker.network.bridge.gateway_mode_ipv6"],
    default: "nat",
  }),
  "inhibit-ipv4": flag("whether the bridge goes without an IPv4 address", {
    aliases: ["com.docker.network.bridge.inhibit_ipv4"],
    default: false,
  }),
  "trusted-host-interfaces": parsed(
    "links from which published ports are reached at the sandboxes' own addresses, too",
    "LINK[,LINK]",
    linkNames,
    { aliases: ["com.docker.network.bridge.trusted_host_interfaces"] },
  ),
};

const rates = { min: "8kbit", max: "1tbit", value: "RATE" };
const bursts = { min: "16kbit", max: "32gbit", value: "BITS" };

export const endpointOptions: BridgeEndpointOptions = {
  "rate-ingress": bits("bits per second towards the sandbox, for example 10mbit (default: no limit)", rates, {}),
  "rate-egress": bits("bits per second from the sandbox (default: no limit)", rates, {}),
  "burst-ingress": bits("bits that may come at once (default: those of 10 ms)", bursts, {}),
  "burst-egress": bits("bits that may go at once (default: those of 10 ms)", bursts, {}),
};

/** As many as the comment of an iptables rule has room for. */
const mostLinks = 12;

/** Docker parts them by colons. */
function linkNames(text: string): readonly string[] {
  const names = [...new Set(text.split(/[,:]/).map(parseHostLinkName))].toSorted();
  if (names.length > mostLinks) throw new TypeError(`expected ${mostLinks} links at most`);
  return names;
}

function ipOfFamily(family: Family): (text: string) => Ip {
  return (text) => {
    const ip = parseIp(text);
    if (familyOf(ip) !== family) throw new TypeError(`expected an ${family === "ipv4" ? "IPv4" : "IPv6"} address`);
    return ip;
  };
}
