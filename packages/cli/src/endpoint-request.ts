import type { EndpointRequest } from "@netkit/engine";
import type { OptionValues } from "./command.ts";
import { parsePairs } from "./pairs.ts";

/** The options of an endpoint: of `network connect`, `run` and `sandbox create`. */
export const endpointOptions = {
  ip: { value: "IP", summary: "IPv4 address in the network" },
  ip6: { value: "IP", summary: "IPv6 address in the network" },
  mac: { value: "MAC", aliases: ["mac-address"], summary: "MAC address; default derived from the address" },
  alias: { value: "NAME", many: true, aliases: ["network-alias"], summary: "Further name in the network" },
  publish: {
    short: "p",
    value: "[[ADDRESS:]HOST-PORT:]PORT[/PROTOCOL][,from=CIDR]",
    many: true,
    summary: "Publish a port or range on the host, for all or some sources",
  },
  ifname: { value: "NAME", summary: "Name of the interface in the sandbox; default eth0, eth1, ..." },
  opt: {
    short: "o",
    value: "KEY=VALUE",
    many: true,
    aliases: ["driver-opt"],
    summary: "Endpoint option of the network's driver",
    complete: "endpoint-option",
  },
} as const;

/** What was given of an endpoint; the engine parses addresses and ports. */
export function endpointRequest(options: OptionValues<typeof endpointOptions>): Omit<EndpointRequest, "network"> {
  const { ip, ip6, mac, alias, publish, ifname, opt } = options;
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
    ...(mac === undefined ? {} : { mac }),
    ...(alias.length === 0 ? {} : { aliases: alias }),
    ...(publish.length === 0 ? {} : { publish }),
    ...(ifname === undefined ? {} : { ifName: ifname }),
    ...(opt.length === 0 ? {} : { options: parsePairs("--opt", opt) }),
  };
}
