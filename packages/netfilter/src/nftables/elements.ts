import {
  familyOf,
  formatRange,
  guardGroup,
  type Access,
  type Cidr,
  type Family,
  type OpenResource,
  type PublishResource,
} from "@netkit/core";
import { anywhere, type FirewallResource } from "../backend.ts";
import { setOfLink, type SetName } from "./base.ts";

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

/** The sets that hold any of them. */
export function setsOf(elements: Iterable<Element>): ReadonlySet<SetName> {
  return new Set([...elements].map(({ set }) => set));
}

/** The elements that stand for a resource. They are its whole presence in the kernel, and imply it (see listing.ts). */
export function elementsOf(resource: FirewallResource): readonly Element[] {
  switch (resource.kind) {
    case "isolation": {
      const { icc, internal } = resource;
      const { link } = resource;
      const key = twice(link);
      const { trusted = [] } = internal ? {} : resource;
      const inward = (access: Access | undefined): string => `goto ${internal ? "closed" : chainOfAccess(access)}`;
      return [
        { set: setOfLink("same", link), key },
        { set: setOfLink("inward4", link), key, data: inward(resource.ipv4) },
        { set: setOfLink("inward6", link), key, data: inward(resource.ipv6) },
        ...(icc ? [] : [{ set: "quiet", key } as const]),
        ...(resource.strict === true ? [{ set: "strict", key, data: "goto verified" } as const] : []),
        ...(internal ? sealing(link) : []),
        ...trusted.map((other): Element => ({ set: "trusted", key: `"${other}" . "${link}"` })),
      ];
    }
    case "familiar": {
      const { link, source } = resource;
      return [{ set: `familiar${versionOf(familyOf(source))}`, key: `${subnetText(source)} . "${link}"` }];
    }
    case "masquerade": {
      const version = versionOf(familyOf(resource.subnet));
      const { source, within } = resource;
      const key = `${subnetText(resource.subnet)} . "${resource.link}"`;
      return [
        { set: `outward${version}`, key, data: `goto ${source === undefined ? "masqueraded" : "sourced"}` },
        ...(source === undefined ? [] : [{ set: `source${version}`, key, data: source } as const]),
        ...(within === undefined ? [] : [{ set: `kept${version}`, key: `${key} . ${subnetText(within)}` } as const]),
      ];
    }
    case "untracked": {
      const { address, port } = resource;
      const version = versionOf(familyOf(address));
      const key = `${address} . ${port}`;
      return [
        { set: `untracked${version}`, key, data: `goto untracked${version}` },
        { set: `tunnels${version}`, key, data: `goto forged${version}` },
      ];
    }
    case "guard": {
      const { link } = resource;
      return [{ set: "guarded", key: `${guardGroup(link)}`, data: "goto sender", comment: link }];
    }
    case "sender": {
      const { link, address } = resource;
      return [{ set: `sender${versionOf(familyOf(address))}`, key: `"${link}" . ${address}` }];
    }
    case "publish":
      return [...translations(resource), ...filters(resource)];
    case "open": {
      const { target, protocol, targetPort, link: comment } = resource;
      const set = targetPort.first === targetPort.last ? "open" : "wide";
      const key = `${target} . ${protocol} . ${formatRange(targetPort)}`;
      return [{ set: `${set}${versionOf(familyOf(target))}`, key, comment }, ...filters(resource)];
    }
  }
}

/** What closes a network, beside what closes it to others. */
function sealing(link: string): readonly Element[] {
  const key = twice(link);
  return [
    { set: "sealed", key },
    { set: "received", key, data: "goto inner" },
  ];
}

function twice(link: string): string {
  return `"${link}" . "${link}"`;
}

const chainsOfAccess = { all: "direct", opened: "routed" } as const satisfies Record<Access, string>;

function chainOfAccess(access: Access | undefined): string {
  return access === undefined ? "guarded" : chainsOfAccess[access];
}

/** The inverse of what `inward` says; undefined for the chains without anything of the kind. */
export function accessOfChain(data: string | undefined): Access | undefined {
  return (["all", "opened"] as const).find((access) => data === `goto ${chainsOfAccess[access]}`);
}

/**
 * Everything that any resource of this identity could have in the table: what a changed one must not leave behind. Of what
 * a resource may have any number of, what is `present` (see {@link ownerIdOf}).
 */
export function footprintOf(
  resource: FirewallResource,
  present: ReadonlyMap<string, readonly Element[]> = new Map(),
): readonly Element[] {
  if (resource.kind === "isolation") {
    const own = elementsOf({ ...resource, icc: false, internal: false, strict: true });
    return [...own, ...sealing(resource.link), ...(present.get(areaIdOf(resource.link)) ?? [])];
  }
  if (resource.kind === "masquerade") {
    const own = elementsOf({ ...resource, source: resource.source ?? anywhere[familyOf(resource.subnet)] });
    return [...own, ...own.slice(0, 1).flatMap((outward) => present.get(elementId(outward)) ?? [])];
  }
  if (resource.kind !== "publish" && resource.kind !== "open") return elementsOf(resource);
  const limit = limitOf(resource);
  return [...elementsOf(resource), limit, ...(present.get(elementId(limit)) ?? [])];
}

/**
 * The {@link elementId} of the element that one belongs to that a resource may have any number of: that of a filter for who
 * may reach the port, that of an area for a link that it trusts, that of a subnet for its network.
 */
export function ownerIdOf(element: Element): string | undefined {
  const { set, key } = element;
  if (set === "trusted") return areaIdOf(linkOf(element));
  if (set.startsWith("kept")) return `${set.replace("kept", "outward")} ${key.slice(0, key.lastIndexOf(" . "))}`;
  if (!/^(allowed|admitted)/.test(set)) return undefined;
  const filtered = set.replace("allowed", "limited").replace("admitted", "barred");
  return `${filtered} ${key.slice(key.indexOf(" . ") + 3)}`;
}

function areaIdOf(link: string): string {
  return elementId({ set: setOfLink("same", link), key: twice(link) });
}

/** The link in a key: its last part, in quotes. */
export function linkOf(element: Element): string {
  return element.key.split('"').at(-2) ?? "";
}

/** Ranges are one element each here, shifted or not. */
function filters(resource: PublishResource | OpenResource): Element[] {
  if (resource.from === undefined) return [];
  const limit = limitOf(resource);
  const version = versionOf(familyOf(resource.target));
  const set = `${resource.kind === "publish" ? "allowed" : "admitted"}${version}` as const;
  return [limit, ...resource.from.map((source): Element => ({ set, key: `${subnetText(source)} . ${limit.key}` }))];
}

/** What stands for a port's having a filter. */
export function limitOf(resource: PublishResource | OpenResource): Element {
  const { kind, protocol, target } = resource;
  const version = versionOf(familyOf(target));
  if (kind === "open") {
    return { set: `barred${version}`, key: `${target} . ${protocol} . ${formatRange(resource.targetPort)}` };
  }
  const { family, hostAddress, hostPort } = resource;
  const key = `${hostAddress ?? `${anywhere[family]}/0`} . ${protocol} . ${formatRange(hostPort)}`;
  return { set: `limited${version}`, key };
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
