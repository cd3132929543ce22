import {
  choice,
  familyOf,
  flag,
  mtuOption,
  parsed,
  parseIp,
  parseHostLinkName,
  type Family,
  type Ip,
  type Option,
} from "@netkit/core";
import { areaOptions, spoofCheck, type AreaOptions, type GatewayMode, type GuardOptions } from "@netkit/core/bridged";

type WithDefault<T> = Option<T> & { readonly default: T };

const gatewayModes = ["nat", "nat-unprotected", "routed", "isolated"] as const satisfies GatewayMode[];

// A type, not an interface: only so it is an OptionSet.
export type BridgeOptions = AreaOptions &
  GuardOptions & {
    readonly name: Option<string>;
    readonly unmanaged: WithDefault<boolean>;
    readonly mtu: Option<number>;
    readonly "host-address": Option<Ip>;
    readonly "snat-ipv4": Option<Ip>;
    readonly "snat-ipv6": Option<Ip>;
    readonly "gateway-mode-ipv4": WithDefault<GatewayMode>;
    readonly "gateway-mode-ipv6": WithDefault<GatewayMode>;
    readonly "inhibit-ipv4": WithDefault<boolean>;
    readonly "trusted-host-interfaces": Option<readonly string[]>;
  };

/** Each has the name that Docker knows it by as an alias. */
export const networkOptions: BridgeOptions = {
  name: parsed("the bridge's name; an existing bridge is used and never removed", "NAME", parseHostLinkName, {
    aliases: ["com.docker.network.bridge.name"],
  }),
  unmanaged: flag(
    "whether somebody else sees to the bridge, which is there already, and sandboxes are its ports, no more",
    {
      default: false,
    },
  ),
  mtu: mtuOption("MTU of the bridge and of the sandboxes' interfaces (default: the uplink's)"),
  ...areaOptions,
  ...spoofCheck(true),
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
