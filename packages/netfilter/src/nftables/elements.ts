import { familyOf, formatRange, type Cidr, type Family, type PublishResource } from "@netkit/core";
import { anywhere, type FirewallResource } from "../backend.ts";
import type { SetName } from "./base.ts";

/** One element of a set or map, in nft's words. Elements of one set are the same object when their keys are equal. */
export interface Element {
  readonly set: SetName;
  readonly key: string;
  /** What the map holds; absent in a set. */
  readonly data?: string;
  /** What the key and data don't say of the resource; never compared. */
  readonly comment?: string;
}

/** What identifies an element in the table. */
export function elementId(element: Element): string {
  return `${element.set} ${element.key}`;
}

/** The elements that stand for a resource. They are its whole presence in the kernel, and imply it (see listing.ts). */
export function elementsOf(resource: FirewallResource): readonly Element[] {
  const link = `"${resource.link}"`;
  switch (resource.kind) {
    case "isolation": {
      const { icc, internal } = resource;
      return [
        { set: "bridges", key: link },
        { set: "same", key: `${link} . ${link}` },
        { set: "inward", key: link, data: internal ? "goto closed" : "goto guarded" },
        ...(icc ? [] : [{ set: "quiet", key: link } as const]),
        ...(internal ? [{ set: "sealed", key: link } as const] : []),
      ];
    }
    case "masquerade": {
      const version = versionOf(familyOf(resource.subnet));
      const key = `${subnetText(resource.subnet)} . ${link}`;
      if (resource.source === undefined) return [{ set: `outward${version}`, key, data: "goto masqueraded" }];
      return [
        { set: `outward${version}`, key, data: "goto sourced" },
        { set: `source${version}`, key, data: resource.source },
      ];
    }
    case "publish":
      return publishElements(resource);
  }
}

/**
 * Everything that any resource of this identity could have in the table: what a changed one must not leave behind. Of who
 * may reach a port, what is `present`: the elements of each limit (see {@link limitIdOf}).
 */
export function footprintOf(
  resource: FirewallResource,
  present: ReadonlyMap<string, readonly Element[]> = new Map(),
): readonly Element[] {
  if (resource.kind === "isolation") return elementsOf({ ...resource, icc: false, internal: true });
  if (resource.kind === "masquerade")
    return elementsOf({ ...resource, source: resource.source ?? anywhere[familyOf(resource.subnet)] });
  const limit = limitOf(resource);
  return [...elementsOf(resource), limit, ...(present.get(elementId(limit)) ?? [])];
}

/** The limit that an element of `allowed4` or `allowed6` belongs to, by its {@link elementId}. */
export function limitIdOf({ set, key }: Element): string {
  return `${set.replace("allowed", "limited")} ${key.slice(key.indexOf(" . ") + 3)}`;
}

function publishElements(resource: PublishResource): readonly Element[] {
  return [...translations(resource), ...filters(resource)];
}

/** Ranges are one element each here, shifted or not. */
function filters(resource: PublishResource): Element[] {
  const { family, from } = resource;
  if (from === undefined) return [];
  const limit = limitOf(resource);
  const set = `allowed${versionOf(family)}` as const;
  return [limit, ...from.map((source): Element => ({ set, key: `${subnetText(source)} . ${limit.key}` }))];
}

/** What stands for a port's having a filter. */
export function limitOf({ family, protocol, hostAddress, hostPort }: PublishResource): Element {
  const key = `${hostAddress ?? `${anywhere[family]}/0`} . ${protocol} . ${formatRange(hostPort)}`;
  return { set: `limited${versionOf(family)}`, key };
}

/**
 * Ports that keep their number are one element of an interval map however many they are; a range that is shifted
 * needs an element for each port.
 */
function translations(resource: PublishResource): readonly Element[] {
  const { family, protocol, hostAddress: host, hostPort, target, targetPort, link } = resource;
  const version = versionOf(family);
  const { first, last } = hostPort;
  const shift = targetPort.first - first;
  if (first !== last && shift === 0) {
    const key = `${host ?? `${anywhere[family]}/0`} . ${protocol} . ${first}-${last}`;
    return [{ set: `span${version}`, key, data: target, comment: link }];
  }
  const comment = first === last ? link : `${link} ${first}-${last}`;
  return Array.from({ length: last - first + 1 }, (_, index): Element => {
    const port = first + index;
    const data = `${target} . ${port + shift}`;
    return host === undefined
      ? { set: `any${version}`, key: `${protocol} . ${port}`, data, comment }
      : { set: `host${version}`, key: `${host} . ${protocol} . ${port}`, data, comment };
  });
}

function versionOf(family: Family): 4 | 6 {
  return family === "ipv4" ? 4 : 6;
}

/** nft prints the one address of a full prefix without its length. */
function subnetText(subnet: Cidr): string {
  return subnet.replace(subnet.includes(":") ? /\/128$/ : /\/32$/, "");
}
