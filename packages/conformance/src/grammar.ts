import { isDeepStrictEqual } from "node:util";
import {
  anyMac,
  familyOf,
  isDriverFile,
  parseCidr,
  parseHostLinkName,
  parseHostLinks,
  parseIp,
  parseLinkName,
  parseMac,
  parseSources,
  type Family,
  type PortRange,
  type Resource,
} from "@netkit/core";

/** Words that nft's grammar takes for itself where a ruleset names a link. */
const nftKeywords: readonly string[] =
  "accept add all and any arp bridge chain comment counter ct daddr default delete dnat drop dup ether exists fib flow flush forward fwd goto hook icmp iif iifname inet input insert internal ip ip6 jump l4proto last limit list log map mark masq masquerade meta missing nat numgen oif oifname output policy postrouting prerouting protocol queue quota redirect reject reset return rt saddr set size snat socket synproxy table tcp timeout tproxy type udp unicast update vlan".split(
    " ",
  );

const bytes = (text: string): number => Buffer.byteLength(text);

/** What is wrong with the data of one resource, in words. Types say what must be there; this says what it may be. */
export function problemsOf(resource: Resource): string[] {
  const problems: string[] = [];
  const check = (what: string, holds: () => unknown): void => {
    try {
      if (holds() !== false) return;
      problems.push(what);
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : "thrown"}`);
    }
  };
  const linkName = (name: string, parse = parseLinkName): void => {
    check(`'${name}' is ${bytes(name)} bytes`, () => bytes(name) <= 15);
    check(`'${name}' is no name for a link`, () => parse(name));
    check(`'${name}' is a keyword of nft`, () => !nftKeywords.includes(name));
  };
  const ip = (text: string): void => check(`${text} isn't an address in canonical form`, () => parseIp(text) === text);
  const cidr = (text: string): void => check(`${text} isn't a CIDR in canonical form`, () => parseCidr(text) === text);
  const sameFamily = (family: Family, text: string): void =>
    check(`${text} is of another family`, () => familyOf(parseAny(text)) === family);
  const subnets = (list: readonly string[] | undefined): void => {
    if (list === undefined) return;
    check("an empty list of subnets", () => list.length > 0);
    check(`'${list.join(" ")}' isn't as parseSources has it`, () => isDeepStrictEqual(parseSources(list), list));
  };
  const sources = (family: Family, from: readonly string[] | undefined): void => {
    subnets(from);
    for (const source of from ?? []) sameFamily(family, source);
  };
  const mac = (text: string | undefined): void => {
    if (text !== undefined) check(`${text} isn't a MAC in canonical form`, () => parseMac(text) === text);
  };
  const mtu = (value: number | undefined): void => {
    if (value !== undefined) check(`MTU ${value}`, () => Number.isInteger(value) && value >= 68 && value <= 65_535);
  };

  switch (resource.kind) {
    case "netns":
      problems.push("drivers have no netns resources");
      break;
    case "file":
      check(`drivers have no file at ${resource.path}`, () => isDriverFile(resource.path));
      break;
    case "link":
      linkName(resource.name);
      check("a link is made by somebody else", () => resource.ensure === "exists");
      break;
    case "bridge":
    case "dummy":
    case "ifb":
    case "macvlan":
    case "ipvlan":
    case "vlan":
    case "vxlan":
    case "veth":
      linkName(resource.name);
      if ("mac" in resource) mac(resource.mac);
      if ("mtu" in resource) mtu(resource.mtu);
      if ("parent" in resource) linkName(resource.parent);
      if (resource.kind === "vlan") check(`VLAN ${resource.id}`, () => resource.id > 0 && resource.id < 4095);
      if (resource.kind === "vxlan") check(`VNI ${resource.vni}`, () => resource.vni > 0 && resource.vni < 2 ** 24);
      if (resource.kind === "vxlan") {
        const { local, master, neighSuppress, isolated } = resource;
        if (local !== undefined) ip(local);
        check(
          "neighSuppress and isolated are settings of a bridge's port",
          () => master !== undefined || !(neighSuppress || isolated),
        );
      }
      if (resource.kind === "veth") {
        linkName(resource.peer.name);
        mac(resource.peer.mac);
        mtu(resource.peer.mtu);
        check(
          "hairpin, isolated and guarded are settings of a bridge's port",
          () => resource.master !== undefined || !(resource.hairpin || resource.isolated || resource.guarded),
        );
        check("a guarded port is one of a MAC", () => resource.guarded !== true || resource.peer.mac !== undefined);
      }
      break;
    case "address":
      cidr(resource.address);
      break;
    case "route":
      cidr(resource.destination);
      if (resource.via !== undefined) {
        ip(resource.via);
        sameFamily(familyOf(resource.destination), resource.via);
      }
      if (resource.source !== undefined) sameFamily(familyOf(resource.destination), resource.source);
      check(
        "a route needs a next hop, a link or a type that has neither",
        () => resource.via ?? resource.link ?? (resource.type ?? "unicast") !== "unicast",
      );
      break;
    case "rule":
      for (const side of [resource.from, resource.to]) {
        if (side === undefined) continue;
        cidr(side);
        sameFamily(resource.family, side);
      }
      break;
    case "neighbour":
      ip(resource.address);
      mac(resource.mac);
      check("a neighbour needs a MAC or is a proxy", () => resource.mac !== undefined || resource.proxy === true);
      break;
    case "fdb":
      if (resource.mac !== anyMac || resource.destination === undefined) mac(resource.mac);
      if (resource.destination !== undefined) ip(resource.destination);
      break;
    case "sysctl":
      check(
        `${resource.path} isn't a path below /proc/sys/net`,
        () => /^net\/[a-z0-9_]+(\/[^/\s]+)+$/.test(resource.path) && !resource.path.includes(".."),
      );
      check(`the value ${JSON.stringify(resource.value)} isn't one line`, () => /^[^\n]+$/.test(resource.value));
      break;
    case "shaper":
      linkName(resource.link);
      for (const bytes of [resource.bytesPerSecond, resource.burstBytes, resource.limitBytes])
        check(`${bytes} isn't a positive whole number`, () => Number.isSafeInteger(bytes) && bytes > 0);
      for (const bytes of [resource.burstBytes, resource.limitBytes])
        check(`${bytes} bytes have more than 32 bits`, () => bytes < 2 ** 32);
      check("a burst takes no longer than four minutes", () => resource.burstBytes <= resource.bytesPerSecond * 240);
      break;
    case "redirect":
      linkName(resource.link);
      linkName(resource.to);
      break;
    case "isolation": {
      const { internal, ipv4, ipv6, trusted = [] } = resource;
      linkName(resource.link, parseHostLinks);
      for (const name of trusted) linkName(name, parseHostLinkName);
      check("trusted links are sorted, each there once", () => isSortedSet(trusted));
      check("an empty list of trusted links", () => resource.trusted === undefined || trusted.length > 0);
      check("an internal area lets nothing in", () => !internal || (ipv4 ?? ipv6 ?? resource.trusted) === undefined);
      break;
    }
    case "familiar":
      linkName(resource.link, parseHostLinks);
      cidr(resource.source);
      break;
    case "guard":
      linkName(resource.link, parseHostLinkName);
      break;
    case "sender":
      linkName(resource.link, parseHostLinkName);
      ip(resource.address);
      break;
    case "untracked":
      ip(resource.address);
      check(`port ${resource.port}`, () => isRange({ first: resource.port, last: resource.port }));
      break;
    case "open":
      ip(resource.target);
      check(`ports ${resource.targetPort.first}-${resource.targetPort.last}`, () => isRange(resource.targetPort));
      sources(familyOf(resource.target), resource.from);
      break;
    case "masquerade":
      cidr(resource.subnet);
      if (resource.source !== undefined) sameFamily(familyOf(resource.subnet), resource.source);
      if (resource.within !== undefined) {
        cidr(resource.within);
        sameFamily(familyOf(resource.subnet), resource.within);
      }
      break;
    case "publish":
      for (const range of [resource.hostPort, resource.targetPort])
        check(`ports ${range.first}-${range.last}`, () => isRange(range));
      check(
        "the ranges differ in length",
        () => resource.hostPort.last - resource.hostPort.first === resource.targetPort.last - resource.targetPort.first,
      );
      sameFamily(resource.family, resource.target);
      if (resource.hostAddress !== undefined) sameFamily(resource.family, resource.hostAddress);
      sources(resource.family, resource.from);
      break;
  }
  return problems;
}

/** The links that a resource needs to be there, each with the namespace it lies in. */
export function linksNeeded(resource: Resource): { ns: string; name: string }[] {
  switch (resource.kind) {
    case "veth":
    case "vxlan":
      return resource.master === undefined ? [] : [{ ns: resource.ns, name: resource.master }];
    case "macvlan":
    case "ipvlan":
    case "vlan":
      return [{ ns: "host", name: resource.parent }];
    case "address":
    case "neighbour":
    case "fdb":
    case "shaper":
      return [{ ns: resource.ns, name: resource.link }];
    case "isolation":
    case "familiar":
    case "masquerade":
    case "publish":
    case "open":
      // Of several links whose names begin alike one is called so.
      return [{ ns: resource.ns, name: resource.link.replace(/\*$/, "") }];
    case "redirect":
      return [resource.link, resource.to].map((name) => ({ ns: resource.ns, name }));
    case "route":
      return resource.link === undefined ? [] : [{ ns: resource.ns, name: resource.link }];
    case "sysctl": {
      const [, name] = /^net\/[^/]+\/(?:conf|neigh)\/([^/]+)\//.exec(resource.path) ?? [];
      return name === undefined || ["all", "default", "lo"].includes(name) ? [] : [{ ns: resource.ns, name }];
    }
    default:
      return [];
  }
}

/** The links that a resource stands for, each with the namespace it lies in. */
export function linksOf(resource: Resource): { ns: string; name: string }[] {
  switch (resource.kind) {
    case "veth":
      return [
        { ns: resource.ns, name: resource.name },
        { ns: resource.peer.ns, name: resource.peer.name },
      ];
    case "link":
    case "bridge":
    case "vxlan":
    case "macvlan":
    case "ipvlan":
    case "vlan":
    case "dummy":
    case "ifb":
      return [{ ns: resource.ns, name: resource.name }];
    default:
      return [];
  }
}

function parseAny(text: string): ReturnType<typeof parseCidr> | ReturnType<typeof parseIp> {
  return text.includes("/") ? parseCidr(text) : parseIp(text);
}

function isSortedSet(names: readonly string[]): boolean {
  return names.every((name, index) => index === 0 || (names[index - 1] ?? "") < name);
}

function isRange({ first, last }: PortRange): boolean {
  return Number.isInteger(first) && Number.isInteger(last) && first >= 1 && first <= last && last <= 65_535;
}
