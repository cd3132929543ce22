import { type Cidr, type Family, type Ip, type PortRange, type Protocol, type PublishResource } from "@netkit/core";
import { anywhere, filterOf, type FirewallResource } from "../backend.ts";
import { elementId, limitIdOf, limitOf, type Element } from "./elements.ts";

/**
 * The resources that imply these elements, the inverse of `elementsOf`: one for each identity, even where some of its
 * elements are missing.
 */
export function resourcesOf(elements: Iterable<Element>): FirewallResource[] {
  const found = new Map<string, FirewallResource>();
  const fixed = new Map<string, Ip>();
  const limits = new Map<string, readonly string[]>();
  const all = [...elements];
  const links = (set: string): Set<string> => new Set(all.filter((element) => element.set === set).map(linkOf));
  const [quiet, sealed] = [links("quiet"), links("sealed")];
  for (const element of all) {
    const { set, data = "" } = element;
    const version = set.endsWith("6") ? 6 : 4;
    switch (set) {
      case "generation":
        break;
      case "bridges":
      case "same":
      case "quiet":
      case "sealed":
      case "inward": {
        const link = linkOf(element);
        found.set(`isolation ${link}`, {
          kind: "isolation",
          ns: "host",
          link,
          icc: !quiet.has(link),
          internal: sealed.has(link),
        });
        break;
      }
      case "outward4":
      case "outward6":
      case "source4":
      case "source6": {
        const link = linkOf(element);
        const [address = ""] = element.key.split(" . ");
        const subnet = (address.includes("/") ? address : `${address}/${version === 4 ? 32 : 128}`) as Cidr;
        if (set.startsWith("source")) fixed.set(element.key, data as Ip);
        const source = fixed.get(element.key);
        found.set(`masquerade ${element.key}`, {
          kind: "masquerade",
          ns: "host",
          link,
          subnet,
          ...(source === undefined ? {} : { source }),
        });
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
      case "allowed6": {
        const limit = set.startsWith("limited") ? elementId(element) : limitIdOf(element);
        const sources = limits.get(limit) ?? [];
        limits.set(limit, set.startsWith("limited") ? sources : [...sources, sourceOf(element)]);
        break;
      }
    }
  }
  return withFilters([...found.values()], limits);
}

/** Filters with the ports that they are of. One without a port is a port to nowhere, so that it can be removed. */
function withFilters(
  resources: readonly FirewallResource[],
  limits: ReadonlyMap<string, readonly string[]>,
): FirewallResource[] {
  const left = new Map(limits);
  const complete = resources.map((resource) => {
    if (resource.kind !== "publish") return resource;
    const limit = elementId(limitOf(resource));
    const sources = limits.get(limit);
    left.delete(limit);
    return sources === undefined ? resource : { ...resource, from: filterOf(sources, resource.family) };
  });
  const alone = [...left].map(([limit, sources]): PublishResource => {
    const [set = "", ...key] = limit.split(" ");
    const family = set.endsWith("6") ? "ipv6" : "ipv4";
    const resource = publishOf({ set: "any4", key: key.join(" "), data: anywhere[family] }, family);
    return { ...resource, from: filterOf(sources, family) };
  });
  return [...complete, ...alone];
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

/** The link in a key: its last part, in quotes. */
function linkOf(element: Element): string {
  return element.key.split('"').at(-2) ?? "";
}
