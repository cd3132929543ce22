import { familyOf, parseIp } from "@netkit/core";
import type { EndpointRequest, SandboxRequest } from "@netkit/engine";
import { portSpecs, usableNames } from "@netkit/runtime";
import { cniCodes, CniError } from "./cni-error.ts";
import type { Bandwidth, Configuration, PortMapping } from "./configuration.ts";
import type { Environment } from "./environment.ts";

/** What an ADD asks of the interface, whatever network it is on. */
export type EndpointWishes = Pick<EndpointRequest, "ip" | "ip6" | "mac" | "aliases" | "options" | "gatewayPriority"> & {
  readonly publish?: readonly string[];
};

/**
 * Addresses and the MAC are those of `runtimeConfig`, or else of `args.cni`, or else of CNI_ARGS, as the conventions of CNI
 * and its reference plugins have it.
 * @throws CniError 7
 */
export function endpointWishes({ args }: Environment, configuration: Configuration): EndpointWishes {
  const { runtimeConfig = {}, args: given, gwPriority } = configuration;
  const fromArgs = args["IP"] === undefined ? undefined : args["IP"].split(",");
  const ips = runtimeConfig.ips ?? given?.cni?.ips ?? fromArgs ?? [];
  const mac = runtimeConfig.mac ?? given?.cni?.mac ?? args["MAC"];
  const publish = (runtimeConfig.portMappings ?? []).flatMap(specsOf);
  const options = rateOptions(runtimeConfig.bandwidth ?? {});
  return {
    ...addressesOf(ips),
    ...(mac === undefined || mac === "" ? {} : { mac }),
    ...(publish.length === 0 ? {} : { publish }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(gwPriority === undefined ? {} : { gatewayPriority: gwPriority }),
  };
}

/** What the container is called by others on the network: the aliases of the runtime, and the pod's name. */
export function aliasesOf({ args }: Environment, { name, runtimeConfig }: Configuration): string[] {
  const { aliases = [] } = runtimeConfig ?? {};
  const given = isList(aliases) ? aliases : (aliases[name] ?? []);
  const pod = args["K8S_POD_NAME"] ?? "";
  return [...new Set([...given, ...usableNames([pod])])];
}

/** The name servers and search domains that are asked for; the runtime's own go before the configuration's. */
export function dnsOf({ runtimeConfig, dns = {} }: Configuration): NonNullable<SandboxRequest["dns"]> {
  const runtime = runtimeConfig?.dns ?? {};
  const domain = runtime.domain ?? dns.domain;
  return {
    servers: runtime.servers ?? runtime.nameservers ?? dns.nameservers ?? dns.servers ?? [],
    search: runtime.searches ?? runtime.search ?? dns.search ?? dns.searches ?? (domain === undefined ? [] : [domain]),
    options: runtime.options ?? dns.options ?? [],
  };
}

function isList(value: object): value is readonly string[] {
  return Array.isArray(value);
}

/** At most one of each family, however often it is said; what IPAM plugins write with a prefix length is an address all the same. */
function addressesOf(texts: readonly string[]): Pick<EndpointWishes, "ip" | "ip6"> {
  const found: { ip?: string; ip6?: string } = {};
  for (const text of texts.map((each) => each.trim()).filter((each) => each !== "")) {
    const ip = parseIp(text.replace(/\/\d+$/, ""));
    const key = familyOf(ip) === "ipv4" ? "ip" : "ip6";
    if (found[key] !== undefined && found[key] !== ip) {
      throw new CniError(
        cniCodes.invalidConfiguration,
        `two addresses of one family are asked for: ${found[key]} and ${ip}`,
        "An interface on a netkit network has one IPv4 and one IPv6 address.",
      );
    }
    found[key] = ip;
  }
  return found;
}

function specsOf({ hostIP, ...mapping }: PortMapping): string[] {
  return portSpecs({ ...mapping, hostAddress: hostIP });
}

/** Kubernetes' runtimes write the largest number that a burst can be where a pod asks for a rate alone. */
const noBurst = 2 ** 31 - 1;

/** Bits, and bits per second; 0 is no limit. */
function rateOptions(bandwidth: Bandwidth): Record<string, number> {
  const { ingressRate, ingressBurst, egressRate, egressBurst } = bandwidth;
  const all = {
    "rate-ingress": ingressRate,
    "burst-ingress": ingressBurst,
    "rate-egress": egressRate,
    "burst-egress": egressBurst,
  };
  const rated = (key: string): boolean => Boolean(key.endsWith("ingress") ? ingressRate : egressRate);
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]): [string, number][] =>
      value === undefined || value === 0 || !rated(key) || (key.startsWith("burst") && value >= noBurst)
        ? []
        : [[key, value]],
    ),
  );
}
