import { parseIp, type PortSpec } from "@netkit/core";
import type { EndpointRequest, SandboxRequest } from "@netkit/engine";
import { portSpecs, staticAddresses, usableNames } from "@netkit/runtime";
import type { Bandwidth, Configuration } from "./configuration.ts";
import type { Environment } from "./environment.ts";

/** What an ADD asks of the interface, whatever network it is on. */
export type EndpointWishes = Pick<EndpointRequest, "ip" | "ip6" | "furtherIps" | "mac" | "options" | "gatewayPriority">;

/**
 * Addresses and the MAC are those of `runtimeConfig`, or else of `args.cni`, or else of CNI_ARGS, as the conventions of CNI
 * and its reference plugins have it.
 * @throws NetkitError ADDRESS_INVALID
 */
export function endpointWishes({ args }: Environment, configuration: Configuration): EndpointWishes {
  const { runtimeConfig = {}, args: given, gwPriority } = configuration;
  const fromArgs = args["IP"] === undefined ? undefined : args["IP"].split(",");
  const ips = runtimeConfig.ips ?? given?.cni?.ips ?? fromArgs ?? [];
  const mac = runtimeConfig.mac ?? given?.cni?.mac ?? args["MAC"];
  const options = rateOptions(runtimeConfig.bandwidth ?? {});
  return {
    ...addressesOf(ips),
    ...(mac === undefined || mac === "" ? {} : { mac }),
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

/** What IPAM plugins write with a prefix length is an address all the same. */
function addressesOf(texts: readonly string[]): Pick<EndpointWishes, "ip" | "ip6" | "furtherIps"> {
  const given = texts.map((each) => each.trim()).filter((each) => each !== "");
  return staticAddresses(given.map((text) => parseIp(text.replace(/\/\d+$/, ""))));
}

/** What is published of a container. @throws NetkitError */
export function publishedOf({ runtimeConfig = {} }: Pick<Configuration, "runtimeConfig">): PortSpec[] {
  const { portMappings = [] } = runtimeConfig;
  return portMappings.flatMap(({ hostIP, ...mapping }) => portSpecs({ ...mapping, hostAddress: hostIP }));
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
