import { type Cidr, type Family, type Ip, type PortRange, type Protocol } from "@netkit/core";
import type { FirewallResource } from "../backend.ts";
import type { Element } from "./elements.ts";

/**
 * The resources that imply these elements, the inverse of `elementsOf`: one for each identity, even where some of its
 * elements are missing.
 */
export function resourcesOf(elements: Iterable<Element>): FirewallResource[] {
  const found = new Map<string, FirewallResource>();
  const fixed = new Map<string, Ip>();
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
    }
  }
  return [...found.values()];
}

/** The comment holds the link and, for the elements of a shifted range, the range. An element made by hand has none. */
function publishOf(element: Element, family: Family): FirewallResource {
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
