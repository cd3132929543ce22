import {
  isNetkitError,
  parseCidr,
  parseIp,
  parseLinkName,
  parseSources,
  type PortRange,
  type Protocol,
  type PublishResource,
} from "@netkit/core";
import type { FirewallResource } from "../backend.ts";

/**
 * A resource as the comment of its rules; of a port with a filter each rule holds a part (see {@link merged}). The rules are the only place where this backend keeps what there is, so that
 * any process can read it back: words with single blanks, at most 255 bytes as xt_comment takes them.
 */
export function recordOf(resource: FirewallResource): string {
  switch (resource.kind) {
    case "isolation": {
      const { link, icc, internal } = resource;
      return ["isolation", link, icc ? "icc" : "quiet", internal ? "internal" : "open"].join(" ");
    }
    case "masquerade":
      return ["masquerade", resource.link, resource.subnet, resource.source ?? "*"].join(" ");
    case "publish": {
      const { family, hostAddress, protocol, hostPort, target, targetPort, link, from } = resource;
      const ports = [protocol, rangeText(hostPort), target, rangeText(targetPort)];
      const filter = from === undefined ? [] : ["from", ...from];
      return ["publish", family, hostAddress ?? "*", ...ports, link, ...filter].join(" ");
    }
  }
}

/** The resource that a comment stands for; undefined for any other comment. */
export function parseRecord(text: string): FirewallResource | undefined {
  try {
    return parse(text.split(" "));
  } catch (error) {
    if (isNetkitError(error)) return undefined;
    throw error;
  }
}

function parse([kind, ...words]: readonly string[]): FirewallResource | undefined {
  if (kind === "isolation" && words.length === 3) {
    const [link = "", icc, internal] = words;
    return { kind, ns: "host", link: parseLinkName(link), icc: icc === "icc", internal: internal === "internal" };
  }
  if (kind === "masquerade" && words.length === 3) {
    const [link = "", subnet = "", source = ""] = words;
    const fixed = source === "*" ? {} : { source: parseIp(source) };
    return { kind, ns: "host", link: parseLinkName(link), subnet: parseCidr(subnet), ...fixed };
  }
  return kind === "publish" && (words.length === 7 || words[7] === "from") ? parsePublish(words) : undefined;
}

/** What two records of one resource say together. */
export function merged(resource: FirewallResource, other: FirewallResource | undefined): FirewallResource {
  if (resource.kind !== "publish" || other?.kind !== "publish") return resource;
  const from = resource.from ?? other.from;
  return from === undefined ? resource : { ...resource, from: parseSources([...from, ...(other.from ?? [])]) };
}

function parsePublish(words: readonly string[]): PublishResource | undefined {
  const [family, host = "", protocol = "", hostPorts = "", target = "", targetPorts = "", link = "", ...filter] = words;
  const [hostPort, targetPort] = [parseRange(hostPorts), parseRange(targetPorts)];
  if (family !== "ipv4" && family !== "ipv6") return undefined;
  if (!isProtocol(protocol) || hostPort === undefined || targetPort === undefined) return undefined;
  return {
    kind: "publish",
    ns: "host",
    family,
    protocol,
    ...(host === "*" ? {} : { hostAddress: parseIp(host) }),
    hostPort,
    target: parseIp(target),
    targetPort,
    link: parseLinkName(link),
    ...(filter.length === 0 ? {} : { from: parseSources(filter.slice(1)) }),
  };
}

function isProtocol(text: string): text is Protocol {
  return text === "tcp" || text === "udp" || text === "sctp";
}

function rangeText({ first, last }: PortRange): string {
  return `${first}-${last}`;
}

function parseRange(text: string): PortRange | undefined {
  const match = /^([0-9]{1,5})-([0-9]{1,5})$/.exec(text);
  return match === null ? undefined : { first: Number(match[1]), last: Number(match[2]) };
}
