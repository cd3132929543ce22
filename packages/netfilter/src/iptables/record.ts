import {
  isNetkitError,
  parseCidr,
  parseIp,
  parseLinkName,
  type PortRange,
  type Protocol,
  type PublishResource,
} from "@netkit/core";
import type { FirewallResource } from "../backend.ts";

/**
 * A resource as the comment of its rules. The rules are the only place where this backend keeps what there is, so that
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
      const { family, hostAddress, protocol, hostPort, target, targetPort, link } = resource;
      const ports = [protocol, rangeText(hostPort), target, rangeText(targetPort)];
      return ["publish", family, hostAddress ?? "*", ...ports, link].join(" ");
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
  return kind === "publish" && words.length === 7 ? parsePublish(words) : undefined;
}

function parsePublish(words: readonly string[]): PublishResource | undefined {
  const [family, host = "", protocol = "", hostPorts = "", target = "", targetPorts = "", link = ""] = words;
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
