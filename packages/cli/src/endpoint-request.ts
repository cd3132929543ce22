import { NetkitError, parseIp, parseMac } from "@netkit/core";
import type { EndpointRequest } from "@netkit/engine";
import type { OptionValues } from "./command.ts";
import { optionValue } from "./option-value.ts";
import { parsePairs } from "./pairs.ts";
import { rateOptions } from "./rate.ts";

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
  ifname: {
    value: "NAME",
    summary: "Name of the interface in the sandbox; default eth0, eth1, ..., in what runs elsewhere nk0, nk1, ...",
  },
  rate: {
    value: "RATE",
    summary: "Limit, for example 10mbit, or ingress=10mbit,egress=5mbit,burst=1mbit; ingress is towards the sandbox",
  },
  "link-local-ip": { value: "IP", many: true, summary: "Further address in 169.254.0.0/16 or fe80::/64" },
  "gw-priority": {
    value: "NUMBER",
    summary: "Of several networks the one with the highest has the default route; default 0",
  },
  sysctl: {
    value: "NAME=VALUE",
    many: true,
    summary: "Setting of the interface (net.ipv4.conf.IFNAME.log_martians=1); of a new sandbox without IFNAME",
  },
  opt: {
    short: "o",
    value: "KEY=VALUE",
    many: true,
    aliases: ["driver-opt"],
    summary: "Endpoint option of the network's driver",
    complete: "endpoint-option",
  },
} as const;

/**
 * What was given of an endpoint; the engine parses ports.
 * @throws NetkitError ARGUMENT_INVALID, ADDRESS_INVALID
 */
export function endpointRequest(options: OptionValues<typeof endpointOptions>): Omit<EndpointRequest, "network"> {
  const { ip, ip6, mac, alias, publish, ifname, sysctl } = options;
  const [linkLocal, priority] = [options["link-local-ip"], options["gw-priority"]];
  const driverOptions = driverOptionsOf(options);
  return {
    ...(ip === undefined ? {} : { ip: optionValue("--ip", ip, parseIp) }),
    ...(ip6 === undefined ? {} : { ip6: optionValue("--ip6", ip6, parseIp) }),
    ...(mac === undefined ? {} : { mac: optionValue("--mac", mac, parseMac) }),
    ...(alias.length === 0 ? {} : { aliases: alias }),
    ...(publish.length === 0 ? {} : { publish }),
    ...(ifname === undefined ? {} : { ifName: ifname }),
    ...(linkLocal.length === 0
      ? {}
      : { linkLocal: linkLocal.map((text) => optionValue("--link-local-ip", text, parseIp)) }),
    ...(priority === undefined ? {} : { gatewayPriority: parsePriority(priority) }),
    ...(sysctl.length === 0 ? {} : { sysctls: parsePairs("--sysctl", sysctl) }),
    ...(Object.keys(driverOptions).length === 0 ? {} : { options: driverOptions }),
  };
}

/** Those of --opt, and those that --rate is short for. */
function driverOptionsOf({ opt, rate }: OptionValues<typeof endpointOptions>): Record<string, string> {
  const given = parsePairs("--opt", opt);
  const ofRate = rate === undefined ? {} : rateOptions(rate);
  const [twice] = Object.keys(ofRate).filter((name) => Object.hasOwn(given, name));
  if (twice === undefined) return { ...given, ...ofRate };
  throw new NetkitError("ARGUMENT_INVALID", `${twice} given twice: by --rate and by --opt`, {
    hint: "Say it in one place.",
  });
}

/** @throws NetkitError ARGUMENT_INVALID */
export function parsePriority(text: string): number {
  if (/^-?[0-9]{1,10}$/.test(text)) return Number(text);
  throw new NetkitError("ARGUMENT_INVALID", `the gateway priority ${JSON.stringify(text)} is no whole number`, {
    hint: "Write it as --gw-priority 100; the highest wins, and 0 is the default.",
  });
}
