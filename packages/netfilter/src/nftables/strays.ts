import {
  familyOf,
  type Access,
  type Cidr,
  type Family,
  type Ip,
  type OpenResource,
  type PortRange,
  type Protocol,
  type PublishResource,
} from "@netkit/core";
import { anywhere, filterOf, type FirewallResource } from "../backend.ts";
import { withoutPrefix } from "./base.ts";
import { accessOfChain, elementId, limitOf, linkOf, ownerIdOf, type Element } from "./elements.ts";

/**
 * The resources that imply these elements, the inverse of `elementsOf`: one for each identity, even where some of its
 * elements are missing.
 */
export function resourcesOf(elements: Iterable<Element>): FirewallResource[] {
  const found = new Map<string, FirewallResource>();
  const fixed = new Map<string, Ip>();
  const limits = new Map<string, readonly string[]>();
  const all = [...elements].map((element) => ({ ...element, set: withoutPrefix(element.set) }));
  const links = (set: string): Set<string> => new Set(all.filter((element) => element.set === set).map(linkOf));
  const [quiet, sealed, strict] = [links("quiet"), links("sealed"), links("strict")];
  const entries = (set: string): Map<string, Access | undefined> =>
    new Map(
      all.filter((element) => element.set === set).map((element) => [linkOf(element), accessOfChain(element.data)]),
    );
  const [inward4, inward6] = [entries("inward4"), entries("inward6")];
  const trusted = Map.groupBy(
    all.filter(({ set }) => set === "trusted"),
    linkOf,
  );
  const kept = new Map(all.filter(({ set }) => set.startsWith("kept")).map((element) => [ownerIdOf(element), element]));
  for (const element of all) {
    const { set, data = "" } = element;
    const version = set.endsWith("6") ? 6 : 4;
    switch (set) {
      case "generation":
        break;
      case "same":
      case "quiet":
      case "sealed":
      case "strict":
      case "received":
      case "inward4":
      case "inward6":
      case "trusted": {
        const link = linkOf(element);
        const [ipv4, ipv6, others] = [inward4.get(link), inward6.get(link), trusted.get(link)];
        found.set(`isolation ${link}`, {
          kind: "isolation",
          ns: "host",
          link,
          ...(strict.has(link) ? { strict: true } : {}),
          icc: !quiet.has(link),
          internal: sealed.has(link),
          ...(ipv4 === undefined ? {} : { ipv4 }),
          ...(ipv6 === undefined ? {} : { ipv6 }),
          ...(others === undefined ? {} : { trusted: others.map(({ key }) => key.split('"')[1] ?? "").toSorted() }),
        });
        break;
      }
      case "familiar4":
      case "familiar6": {
        const source = subnetFrom(sourceOf(element), version);
        found.set(`familiar ${element.key}`, { kind: "familiar", ns: "host", link: linkOf(element), source });
        break;
      }
      case "outward4":
      case "outward6":
      case "source4":
      case "source6":
      case "kept4":
      case "kept6": {
        const link = linkOf(element);
        const [address = "", name] = element.key.split(" . ");
        const key = `${address} . ${name}`;
        if (set.startsWith("source")) fixed.set(key, data as Ip);
        const source = fixed.get(key);
        const network = kept.get(`outward${version} ${key}`)?.key.split(" . ")[2];
        found.set(`masquerade ${key}`, {
          kind: "masquerade",
          ns: "host",
          link,
          subnet: subnetFrom(address, version),
          ...(source === undefined ? {} : { source }),
          ...(network === undefined ? {} : { within: subnetFrom(network, version) }),
        });
        break;
      }
      case "untracked4":
      case "untracked6":
      case "tunnels4":
      case "tunnels6": {
        const [address = "", port] = element.key.split(" . ");
        found.set(`untracked ${element.key}`, {
          kind: "untracked",
          ns: "host",
          address: address as Ip,
          port: Number(port),
        });
        break;
      }
      case "guarded": {
        const { comment: link = "unknown" } = element;
        found.set(`guard ${element.key}`, { kind: "guard", ns: "host", link });
        break;
      }
      case "sender4":
      case "sender6": {
        const address = element.key.slice(element.key.lastIndexOf(" . ") + 3) as Ip;
        found.set(`sender ${element.key}`, { kind: "sender", ns: "host", link: linkOf(element), address });
        break;
      }
      case "open4":
      case "open6":
      case "wide4":
      case "wide6": {
        found.set(`open ${element.key}`, openOf(element));
        break;
      }
      case "any4":
      case "any6":
      case "host4":
      case "host6":
      case "span4":
      case "span6": {
        const resource = publishOf(element, version === 4 ? "ipv4" : "ipv6");
        found.set(`publish ${set} ${JSON.stringify(resource)}`, resource);
        break;
      }
      case "limited4":
      case "limited6":
      case "allowed4":
      case "allowed6":
      case "barred4":
      case "barred6":
      case "admitted4":
      case "admitted6": {
        const owner = ownerIdOf(element);
        const limit = owner ?? elementId(element);
        const sources = limits.get(limit) ?? [];
        limits.set(limit, owner === undefined ? sources : [...sources, sourceOf(element)]);
        break;
      }
    }
  }
  return withFilters([...found.values()], limits);
}

/** Filters with the ports that they are of. One without a port is a port of its own, so that it can be removed. */
function withFilters(
  resources: readonly FirewallResource[],
  limits: ReadonlyMap<string, readonly string[]>,
): FirewallResource[] {
  const left = new Map(limits);
  const complete = resources.map((resource) => {
    if (resource.kind !== "publish" && resource.kind !== "open") return resource;
    const limit = elementId(limitOf(resource));
    const sources = limits.get(limit);
    left.delete(limit);
    return sources === undefined ? resource : { ...resource, from: filterOf(sources, familyOf(resource.target)) };
  });
  const alone = [...left].map(([limit, sources]): FirewallResource => {
    const [set = "", ...words] = limit.split(" ");
    const family = set.endsWith("6") ? "ipv6" : "ipv4";
    const key = words.join(" ");
    const resource = set.startsWith("barred")
      ? openOf({ set: "open4", key })
      : publishOf({ set: "any4", key, data: anywhere[family] }, family);
    return { ...resource, from: filterOf(sources, family) };
  });
  return [...complete, ...alone];
}

function subnetFrom(text: string, version: 4 | 6): Cidr {
  return (text.includes("/") ? text : `${text}/${version === 4 ? 32 : 128}`) as Cidr;
}

function openOf({ key, comment }: Element): OpenResource {
  const [target, protocol, ports = ""] = key.split(" . ");
  return {
    kind: "open",
    ns: "host",
    protocol: protocol as Protocol,
    target: target as Ip,
    targetPort: parseRange(ports),
    link: comment ?? "unknown",
  };
}

function sourceOf({ key }: Element): string {
  return key.slice(0, key.indexOf(" . "));
}

/** The comment holds the link and, for the elements of a shifted range, the range. An element made by hand has none. */
function publishOf(element: Element, family: Family): PublishResource {
  const parts = element.key.split(" . ");
  const port = parts.pop() ?? "";
  const protocol = parts.pop() as Protocol;
  const [host] = parts;
  const hostAddress = host === undefined || host.endsWith("/0") ? {} : { hostAddress: host as Ip };
  const [target = "", targetPort] = (element.data ?? "").split(" . ");
  const [, link = "unknown", range] = /^(\S+)(?: ([0-9]+-[0-9]+))?$/.exec(element.comment ?? "") ?? [];
  const own = parseRange(port);
  const hostPort = range === undefined ? own : parseRange(range);
  const shift = targetPort === undefined ? 0 : Number(targetPort) - own.first;
  return {
    kind: "publish",
    ns: "host",
    family,
    protocol,
    ...hostAddress,
    hostPort,
    target: target as Ip,
    targetPort: { first: hostPort.first + shift, last: hostPort.last + shift },
    link,
  };
}

function parseRange(text: string): PortRange {
  const [first = "", last = first] = text.split("-");
  return { first: Number(first), last: Number(last) };
}
