import {
  familyOf,
  NetkitError,
  parseCidr,
  parseIp,
  parseHostLinkName,
  parseHostLinks,
  parseSources,
  type Access,
  type Cidr,
  type FamiliarResource,
  type GuardResource,
  type Family,
  type Ip,
  type IsolationResource,
  type MasqueradeResource,
  type OpenResource,
  type PortRange,
  type PublishResource,
  type Resource,
  type ResourceHandler,
  type SenderResource,
  type UntrackedResource,
} from "@netkit/core";

/** The kinds of the firewall, all of which nftables carries out; iptables knows no frames, and has neither `guard` nor `sender`. */
export type FirewallResource =
  | IsolationResource
  | FamiliarResource
  | MasqueradeResource
  | PublishResource
  | OpenResource
  | UntrackedResource
  | GuardResource
  | SenderResource;

/** What stands between the resource kinds and one way of programming netfilter: a handler without its list of kinds. */
export interface Backend extends Omit<ResourceHandler, "kinds" | "close"> {
  /** Whether the last changes found nothing of what earlier ones may have made: these were the first, or somebody flushed it all. */
  readonly foundNothing: boolean;
  /** Whether anything of this instance is there. */
  isThere(): Promise<boolean>;
}

export const firewallKinds: ReadonlySet<Resource["kind"]> = new Set<FirewallResource["kind"]>([
  "isolation",
  "familiar",
  "masquerade",
  "publish",
  "open",
  "untracked",
  "guard",
  "sender",
]);

/**
 * `resource` as one of the kinds that this package knows, with every word of it parsed. Resources are typed, but they have
 * been through a store: nothing reaches a ruleset or a shell that hasn't been through here.
 * @throws NetkitError NAME_INVALID, ADDRESS_INVALID, PORT_INVALID
 */
export function firewallResource(resource: Resource): FirewallResource {
  if (resource.kind === "isolation") return parseIsolation(resource);
  if (resource.kind === "familiar") return parseFamiliar(resource);
  if (resource.kind === "masquerade") return parseMasquerade(resource);
  if (resource.kind === "publish") return parsePublish(resource);
  if (resource.kind === "open") return parseOpen(resource);
  if (resource.kind === "untracked") return parseUntracked(resource);
  if (resource.kind === "guard") return { ...resource, link: parseHostLinkName(resource.link) };
  if (resource.kind === "sender") {
    return { ...resource, link: parseHostLinkName(resource.link), address: parseIp(resource.address) };
  }
  throw new TypeError(`not a firewall resource: ${resource.kind}`);
}

function parseIsolation(resource: IsolationResource): IsolationResource {
  const { link, ipv4, ipv6, trusted } = resource;
  return {
    ...resource,
    link: parseHostLinks(link),
    ...(ipv4 === undefined ? {} : { ipv4: parseAccess(ipv4) }),
    ...(ipv6 === undefined ? {} : { ipv6: parseAccess(ipv6) }),
    ...(trusted === undefined ? {} : { trusted: trusted.map(parseHostLinkName) }),
  };
}

function parseFamiliar(resource: FamiliarResource): FamiliarResource {
  const { link, source } = resource;
  return { ...resource, link: parseHostLinks(link), source: parseCidr(source) };
}

function parseAccess(access: string): Access {
  if (access === "all" || access === "opened") return access;
  throw new NetkitError("NAME_INVALID", `invalid access ${JSON.stringify(access)} of an isolation`, {
    hint: "What comes in is 'all' or 'opened'.",
  });
}

function parseMasquerade(resource: MasqueradeResource): MasqueradeResource {
  const { link, subnet, source, within } = resource;
  const fixed = source === undefined ? {} : { source: parseIp(source) };
  const network = within === undefined ? {} : { within: parseCidr(within) };
  return { ...resource, link: parseHostLinks(link), subnet: parseCidr(subnet), ...fixed, ...network };
}

function parsePublish(resource: PublishResource): PublishResource {
  const { hostAddress, from } = resource;
  const target = parseIp(resource.target);
  const family = familyOf(target);
  return {
    ...resource,
    link: parseHostLinks(resource.link),
    family,
    protocol: parseProtocol(resource.protocol),
    ...(hostAddress === undefined ? {} : { hostAddress: parseIp(hostAddress) }),
    hostPort: parseRange(resource.hostPort),
    target,
    targetPort: parseRange(resource.targetPort),
    ...(from === undefined ? {} : { from: parseFrom(from, family) }),
  };
}

function parseOpen(resource: OpenResource): OpenResource {
  const target = parseIp(resource.target);
  const { from } = resource;
  return {
    ...resource,
    link: parseHostLinks(resource.link),
    protocol: parseProtocol(resource.protocol),
    target,
    targetPort: parseRange(resource.targetPort),
    ...(from === undefined ? {} : { from: parseFrom(from, familyOf(target)) }),
  };
}

function parseUntracked(resource: UntrackedResource): UntrackedResource {
  const { first: port } = parseRange({ first: resource.port, last: resource.port });
  return { ...resource, address: parseIp(resource.address), port };
}

/** What isn't a filter must not become none. */
function parseFrom(from: readonly Cidr[], family: Family): readonly Cidr[] {
  const sources = parseSources(from);
  if (sources.length > 0 && sources.every((source) => familyOf(source) === family)) return sources;
  throw new NetkitError("ADDRESS_INVALID", `not a filter for ${family}: ${JSON.stringify(from)}`, {
    hint: "A port's sources are subnets of its own family, at least one.",
  });
}

/** All addresses of a family, without the prefix length 0. */
export const anywhere: Readonly<Record<Family, Ip>> = { ipv4: "0.0.0.0" as Ip, ipv6: "::" as Ip };

/** A filter as it is found. One that lets nobody in is none of netkit's: it can be removed as one that lets in all. */
export function filterOf(sources: readonly string[], family: Family): readonly Cidr[] {
  return parseSources(sources.length === 0 ? [`${anywhere[family]}/0`] : sources);
}

function parseProtocol(protocol: string): PublishResource["protocol"] {
  if (protocol === "tcp" || protocol === "udp" || protocol === "sctp") return protocol;
  throw new NetkitError("PORT_INVALID", `invalid protocol ${JSON.stringify(protocol)}`, {
    hint: "Ports of tcp, udp and sctp can be published.",
  });
}

function parseRange({ first, last }: PortRange): PortRange {
  const valid = Number.isInteger(first) && Number.isInteger(last) && first >= 1 && first <= last && last <= 65_535;
  if (valid) return { first, last };
  throw new NetkitError("PORT_INVALID", `invalid ports ${String(first)}-${String(last)}`, {
    hint: "Ports are 1 to 65535, the lower one first.",
  });
}
