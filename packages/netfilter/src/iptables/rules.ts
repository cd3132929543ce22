import { familyOf, formatHost, type Cidr, type PortRange, type Protocol, type PublishResource } from "@netkit/core";
import type { RuledResource } from "./ruled.ts";
import type { ChainName, Rule, Version } from "./chains.ts";
import { linksText } from "./links.ts";
import { recordOf } from "./record.ts";

/** A rule that a resource adds to a chain. */
export interface AddedRule extends Rule {
  readonly chain: ChainName;
}

/**
 * Set in FORWARD, where both links of a packet are known, on published connections that go back to where they came from;
 * asked for in POSTROUTING, where the incoming link is not. It ends with the packet's stay on this host.
 */
const hairpin = "0x2000/0x2000";

const answers = "-m conntrack --ctstate RELATED,ESTABLISHED";
const translated = "-m conntrack --ctstate DNAT";

/** The rules that stand for a resource in one family, each with the resource's record as its comment. */
export function rulesOf(resource: RuledResource, version: Version): readonly AddedRule[] {
  const comment = recordOf(resource);
  const rule = (chain: ChainName, match: string, target: string): AddedRule => ({ chain, match, target, comment });
  switch (resource.kind) {
    case "isolation": {
      const { icc, internal, strict, trusted = [] } = resource;
      const link = linksText(resource.link);
      const access = version === 4 ? resource.ipv4 : resource.ipv6;
      const own = `-i ${link} -o ${link}`;
      return [
        ...(version === 4
          ? [rule("RAW", `-s 127.0.0.0/8 -i ${link}`, "DROP"), rule("RAW", `-d 127.0.0.0/8 -i ${link}`, "DROP")]
          : []),
        ...(strict === true ? [rule("RAW", `-i ${link} -m rpfilter --invert`, "DROP")] : []),
        rule("RAW", `-i ${link} -p udp`, "TUNNELS"),
        rule("HAIRPIN", `${own} ${translated}`, `MARK --set-xmark ${hairpin}`),
        rule("POSTROUTING", `-o ${link} -m mark --mark ${hairpin} ${translated}`, "MASQUERADE"),
        ...(version === 4 ? [rule("POSTROUTING", `-s 127.0.0.0/8 -o ${link} ${translated}`, "MASQUERADE")] : []),
        ...(internal
          ? [
              rule("SEALED", `-i ${link} ! -o ${link}`, "DROP"),
              rule("SEALED", `! -i ${link} -o ${link}`, "DROP"),
              ...inputOf(link, version).map((match) => rule("INPUT", match, "RETURN")),
              rule("INPUT", `-i ${link}`, "DROP"),
            ]
          : []),
        rule("INWARD", `-o ${link} ${answers}`, "ACCEPT"),
        ...(icc ? [rule("INWARD", own, "ACCEPT")] : []),
        rule("INWARD", `-o ${link} ${translated}`, "ACCEPT"),
        ...(icc ? [] : [rule("INWARD", own, "DROP")]),
        ...trusted.map((other) => rule("INWARD", `-i ${other} -o ${link}`, "OPENED")),
        ...(access === "opened"
          ? [
              rule("INWARD", `-o ${link} -p ${version === 4 ? "icmp" : "ipv6-icmp"}`, "ACCEPT"),
              rule("INWARD", `-o ${link}`, "OPENED"),
            ]
          : []),
        rule("INWARD", `-o ${link}`, access === "all" ? "ACCEPT" : "DROP"),
        rule("OUTWARD", `-i ${link}`, "ACCEPT"),
      ];
    }
    case "familiar": {
      const { source } = resource;
      const link = linksText(resource.link);
      return versionOf(source) === version ? [rule("FAMILIAR", `-s ${source} ! -i ${link} -o ${link}`, "ACCEPT")] : [];
    }
    case "masquerade": {
      const { subnet, source, within } = resource;
      const link = linksText(resource.link);
      if (versionOf(subnet) !== version) return [];
      const target = source === undefined ? "MASQUERADE" : `SNAT --to-source ${source}`;
      const outside = within === undefined ? "" : ` ! -d ${within}`;
      return [rule("POSTROUTING", `-s ${subnet}${outside} ! -o ${link}`, target)];
    }
    case "untracked": {
      const { address, port } = resource;
      if (versionOf(address) !== version) return [];
      const match = portMatch("udp", { first: port, last: port });
      return [
        rule("RAW", `-d ${address} ${match}`, "CT --notrack"),
        rule("SENDING", `-s ${address} ${match}`, "CT --notrack"),
        rule("TUNNELS", match, "DROP"),
      ];
    }
    case "publish": {
      if (versionOf(resource.target) !== version) return [];
      const { from, ...open } = resource;
      const [chain, match, target] = translation(open);
      const translated = { ...rule(chain, match, target), comment: recordOf(open) };
      return [translated, ...(from === undefined ? [] : filters(open, from))];
    }
    case "open": {
      const { target, protocol, targetPort, from } = resource;
      const link = linksText(resource.link);
      if (versionOf(target) !== version) return [];
      const match = `-d ${target} -o ${link} ${portMatch(protocol, targetPort)}`;
      if (from === undefined) return [rule("OPENED", match, "ACCEPT")];
      return from.map((source) => ({
        ...rule("OPENED", `-s ${source} ${match}`, "ACCEPT"),
        comment: recordOf({ ...resource, from: [source] }),
      }));
    }
  }
}

/** What an internal network may say to the host: to addresses of the bridge, and answers. */
function inputOf(link: string, version: Version): string[] {
  const types = version === 4 ? ["MULTICAST", "BROADCAST"] : ["MULTICAST"];
  return [
    `-i ${link} ${answers}`,
    `-i ${link} -m addrtype --dst-type LOCAL --limit-iface-in`,
    ...types.map((type) => `-i ${link} -m addrtype --dst-type ${type}`),
  ];
}

/**
 * One rule for each who may, and one for all others; each says what it adds to the resource. What the host sends to its
 * own addresses and isn't translated comes by here too.
 */
function filters(resource: PublishResource, from: readonly Cidr[]): AddedRule[] {
  const match = `! -i lo ${destination(resource)} -m addrtype --dst-type LOCAL -m conntrack --ctstate NEW`;
  const rule = (target: string, sources: readonly Cidr[]): AddedRule => ({
    chain: "ARRIVING",
    match: [...sources.map((source) => `-s ${source}`), match].join(" "),
    target,
    comment: recordOf({ ...resource, from: sources }),
  });
  return [...from.map((source) => rule("RETURN", [source])), rule("DROP", [])];
}

function destination({ protocol, hostAddress, hostPort }: PublishResource): string {
  const host = hostAddress === undefined ? "" : `-d ${hostAddress} `;
  return `${host}${portMatch(protocol, hostPort)}`;
}

function translation(resource: PublishResource): [ChainName, string, string] {
  const { hostAddress, hostPort, target, targetPort } = resource;
  const single = hostPort.first === hostPort.last;
  const shifted = hostPort.first !== targetPort.first;
  const chain = !single && !shifted ? "SPAN" : hostAddress === undefined ? "ANY" : "HOST";
  const address = formatHost(target);
  // A plain address keeps the port; the port after the slash is the one that the range is counted from.
  const range = `${targetPort.first}-${targetPort.last}/${hostPort.first}`;
  const to = single ? `${address}:${targetPort.first}` : shifted ? `${address}:${range}` : target;
  return [chain, destination(resource), `DNAT --to-destination ${to}`];
}

function portMatch(protocol: Protocol, { first, last }: PortRange): string {
  return `-p ${protocol} -m ${protocol} --dport ${first === last ? `${first}` : `${first}:${last}`}`;
}

function versionOf(address: Parameters<typeof familyOf>[0]): Version {
  return familyOf(address) === "ipv4" ? 4 : 6;
}
