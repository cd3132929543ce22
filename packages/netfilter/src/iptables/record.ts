import {
  isNetkitError,
  parseCidr,
  parseIp,
  parseHostLinkName,
  parseHostLinks,
  parseSources,
  type Access,
  type Cidr,
  type OpenResource,
  type PortRange,
  type Protocol,
  type PublishResource,
} from "@netkit/core";
import type { RuledResource } from "./ruled.ts";

/**
 * A resource as the comment of its rules; of a port with a filter each rule holds a part (see {@link merged}). The rules are the only place where this backend keeps what there is, so that
 * any process can read it back: words with single blanks, at most 255 bytes as xt_comment takes them.
 */
export function recordOf(resource: RuledResource): string {
  switch (resource.kind) {
    case "isolation": {
      const { link, icc, internal, strict, ipv4 = "published", ipv6 = "published", trusted = [] } = resource;
      const neighbours = icc ? "icc" : "quiet";
      const inward = internal ? "internal" : "open";
      return ["isolation", link, strict ? `${neighbours},strict` : neighbours, inward, ipv4, ipv6, ...trusted].join(
        " ",
      );
    }
    case "familiar":
      return ["familiar", resource.link, resource.source].join(" ");
    case "masquerade": {
      const { link, subnet, source = "*", within } = resource;
      return ["masquerade", link, subnet, source, ...(within === undefined ? [] : [within])].join(" ");
    }
    case "untracked":
      return ["untracked", resource.address, `${resource.port}`].join(" ");
    case "publish": {
      const { family, hostAddress, protocol, hostPort, target, targetPort, link, from } = resource;
      const ports = [protocol, rangeText(hostPort), target, rangeText(targetPort)];
      return ["publish", family, hostAddress ?? "*", ...ports, link, ...filterWords(from)].join(" ");
    }
    case "open": {
      const { protocol, target, targetPort, link, from } = resource;
      return ["open", protocol, target, rangeText(targetPort), link, ...filterWords(from)].join(" ");
    }
  }
}

function filterWords(from: readonly Cidr[] | undefined): string[] {
  return from === undefined ? [] : ["from", ...from];
}

/** The resource that a comment stands for; undefined for any other comment. */
export function parseRecord(text: string): RuledResource | undefined {
  try {
    return parse(text.split(" "));
  } catch (error) {
    if (isNetkitError(error)) return undefined;
    throw error;
  }
}

function parse([kind, ...words]: readonly string[]): RuledResource | undefined {
  if (kind === "isolation" && words.length >= 5) {
    const [link = "", ways = "", internal, ipv4, ipv6, ...trusted] = words;
    const [icc, strict] = ways.split(",");
    return {
      kind,
      ns: "host",
      link: parseHostLinks(link),
      ...(strict === "strict" ? { strict: true } : {}),
      icc: icc === "icc",
      internal: internal === "internal",
      ...(isAccess(ipv4) ? { ipv4 } : {}),
      ...(isAccess(ipv6) ? { ipv6 } : {}),
      ...(trusted.length === 0 ? {} : { trusted: trusted.map(parseHostLinkName) }),
    };
  }
  if (kind === "familiar" && words.length === 2) {
    const [link = "", source = ""] = words;
    return { kind, ns: "host", link: parseHostLinks(link), source: parseCidr(source) };
  }
  if (kind === "masquerade" && (words.length === 3 || words.length === 4)) {
    const [link = "", subnet = "", source = "", network] = words;
    const fixed = source === "*" ? {} : { source: parseIp(source) };
    const within = network === undefined ? {} : { within: parseCidr(network) };
    return { kind, ns: "host", link: parseHostLinks(link), subnet: parseCidr(subnet), ...fixed, ...within };
  }
  if (kind === "untracked" && words.length === 2) {
    const [address = "", port = ""] = words;
    return /^[0-9]{1,5}$/.test(port) ? { kind, ns: "host", address: parseIp(address), port: Number(port) } : undefined;
  }
  if (kind === "open" && isPort(words, 4)) {
    const [protocol = "", target = "", ports = "", link = "", ...filter] = words;
    const targetPort = parseRange(ports);
    if (!isProtocol(protocol) || targetPort === undefined) return undefined;
    return {
      kind,
      ns: "host",
      protocol,
      target: parseIp(target),
      targetPort,
      link: parseHostLinks(link),
      ...parseFilter(filter),
    };
  }
  return kind === "publish" && isPort(words, 7) ? parsePublish(words) : undefined;
}

/** So many words, and perhaps a filter. */
function isPort(words: readonly string[], count: number): boolean {
  return words.length === count || words[count] === "from";
}

function parseFilter([word, ...sources]: readonly string[]): { readonly from?: readonly Cidr[] } {
  return word === undefined ? {} : { from: parseSources(sources) };
}

/** What two records of one resource say together. */
export function merged(resource: RuledResource, other: RuledResource | undefined): RuledResource {
  if (!isFiltered(resource) || other === undefined || !isFiltered(other)) return resource;
  const from = resource.from ?? other.from;
  return from === undefined ? resource : { ...resource, from: parseSources([...from, ...(other.from ?? [])]) };
}

function isFiltered(resource: RuledResource): resource is PublishResource | OpenResource {
  return resource.kind === "publish" || resource.kind === "open";
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
    link: parseHostLinks(link),
    ...parseFilter(filter),
  };
}

function isAccess(text: string | undefined): text is Access {
  return text === "all" || text === "opened";
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
