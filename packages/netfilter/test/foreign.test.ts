import type { Cidr, Ip } from "@netkit/core";
import { expect, test } from "vitest";
import { parseNftables } from "../src/foreign/nft-rules.ts";
import type { Packet } from "../src/foreign/packet.ts";
import { remedyOf } from "../src/foreign/remedy.ts";
import { judge, type Entrance } from "../src/foreign/ruleset.ts";
import { parseXtables } from "../src/foreign/xtables.ts";

const outward: Packet = {
  hook: "forward",
  family: "ipv4",
  in: "netkit0",
  out: "eth0",
  source: "10.7.0.0/24" as Cidr,
  protocol: "tcp",
  state: "new",
  translated: false,
};
const answers: Packet = {
  hook: "forward",
  family: "ipv4",
  in: "eth0",
  out: "netkit0",
  destination: "10.7.0.0/24" as Cidr,
  protocol: "tcp",
  state: "established",
  translated: false,
};
const published: Packet = {
  ...answers,
  destination: "10.7.0.2" as Ip,
  destinationPort: 80,
  state: "new",
  translated: true,
};

function verdict(entrances: readonly Entrance[], packet: Packet): string {
  const hits = entrances.flatMap((entrance) => judge(entrance, packet) ?? []);
  const [hit] = hits;
  if (hit === undefined) return "passes";
  return `${hit.certain ? "drops" : "may drop"}: ${hit.rule === undefined ? "policy" : hit.chain}`;
}

/** FORWARD with these rules, and chains A and B with theirs. */
function iptables(policy: string, ...rules: string[]): Entrance[] {
  const lines = ["*filter", `:FORWARD ${policy} [0:0]`, ":A - [0:0]", ":B - [0:0]"];
  return parseXtables([...lines, ...rules.map((rule) => `-A ${rule}`), "COMMIT"].join("\n"), "iptables", "ip");
}

test.each<[what: string, entrances: Entrance[], outward: string, answers: string, published: string]>([
  ["nothing", iptables("ACCEPT"), "passes", "passes", "passes"],
  ["a policy", iptables("DROP"), "drops: policy", "drops: policy", "drops: policy"],
  [
    "links accepted by name and wildcard, before the drop",
    iptables("DROP", "FORWARD -i netkit0 -j ACCEPT", "FORWARD -o netk+ -j ACCEPT"),
    "passes",
    "passes",
    "passes",
  ],
  [
    "links of others",
    iptables("ACCEPT", "FORWARD ! -i docker0 -o docker0 -j DROP", "FORWARD -i net -j DROP", "FORWARD -i br+ -j DROP"),
    "passes",
    "passes",
    "passes",
  ],
  [
    "every link but one",
    iptables("ACCEPT", "FORWARD ! -i eth0 -j REJECT --reject-with icmp-port-unreachable"),
    "drops: FORWARD",
    "passes",
    "passes",
  ],
  [
    "states",
    iptables("DROP", "FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
    "drops: policy",
    "passes",
    "drops: policy",
  ],
  [
    "translated ones accepted",
    iptables("DROP", "FORWARD -m conntrack --ctstate DNAT -j ACCEPT"),
    "drops: policy",
    "drops: policy",
    "passes",
  ],
  [
    "one port accepted",
    iptables("DROP", "FORWARD -o netkit0 -p tcp -m multiport --dports 22,80:81 -j ACCEPT"),
    "drops: policy",
    "drops: policy",
    "passes",
  ],
  [
    "the subnet, a wider one, one address of it",
    iptables("DROP", "FORWARD -s 10.0.0.0/8 -j ACCEPT", "FORWARD -d 10.7.0.2/32 -j ACCEPT"),
    "passes",
    "drops: policy",
    "passes",
  ],
  [
    "addresses, protocols and headers that these packets don't have",
    iptables(
      "ACCEPT",
      "FORWARD -s 198.51.100.0/24 -j DROP",
      "FORWARD -p udp -j DROP",
      "FORWARD -p icmp -m icmp --icmp-type 8 -j DROP",
      "FORWARD -m conntrack --ctstate INVALID -j DROP",
      "FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK NONE -j DROP",
      "FORWARD -m addrtype --dst-type LOCAL -j DROP",
      "FORWARD -m mark --mark 0x7/0xff -j DROP",
    ),
    "passes",
    "passes",
    "passes",
  ],
  [
    "a chain that returns, and one that goes on to the policy",
    iptables("DROP", "FORWARD -j A", "FORWARD -g B", "FORWARD -j ACCEPT", "A -i netkit0 -j RETURN", "A -j ACCEPT"),
    "drops: policy",
    "passes",
    "passes",
  ],
  [
    "a target that lets go on, with a quoted text that looks like one that doesn't",
    iptables("ACCEPT", 'FORWARD -j LOG --log-prefix "-j DROP "', 'FORWARD -m comment --comment "a -j DROP" -j MARK'),
    "passes",
    "passes",
    "passes",
  ],
  [
    "what can't be judged, accepting and dropping",
    iptables("DROP", "FORWARD -i netkit0 -m set --match-set x dst -j ACCEPT", "FORWARD -o netkit0 -j ACCEPT"),
    "may drop: policy",
    "passes",
    "passes",
  ],
  [
    "a limit on what is dropped",
    iptables("ACCEPT", "FORWARD -o netkit0 -m limit --limit 3/min -j A", "A -j DROP"),
    "passes",
    "may drop: A",
    "may drop: A",
  ],
  [
    "a program's decision",
    iptables("ACCEPT", "FORWARD -j NFQUEUE"),
    "may drop: FORWARD",
    "may drop: FORWARD",
    "may drop: FORWARD",
  ],
])("iptables: %s", (_, entrances, ...expected) => {
  expect([outward, answers, published].map((packet) => verdict(entrances, packet))).toEqual(expected);
});

type Json = unknown;
const match = (left: Json, right: Json, op = "=="): Json => ({ match: { op, left, right } });
const meta = (key: string): Json => ({ meta: { key } });
const field = (protocol: string, name: string): Json => ({ payload: { protocol, field: name } });
const jump = (target: string): Json => ({ jump: { target } });
const accept = { accept: null };
const drop = { drop: null };

/** As `nft -j list table` tells a table with a base chain `base` and a chain `other`. */
function nftables(policy: string, base: readonly Json[][], other: readonly Json[][] = []): Entrance[] {
  const place = { family: "inet", table: "t" };
  const rules = (chain: string, list: readonly Json[][]): Json[] =>
    list.map((expr, index) => ({ rule: { ...place, chain, handle: index + 1, expr } }));
  return parseNftables(
    JSON.stringify({
      nftables: [
        { set: { ...place, name: "bad", elem: ["192.0.2.1", { prefix: { addr: "10.7.0.0", len: 16 } }] } },
        {
          map: {
            ...place,
            name: "zones",
            map: "verdict",
            elem: [
              ["netkit0", jump("other")],
              ["*", drop],
            ],
          },
        },
        { chain: { ...place, name: "base", type: "filter", hook: "forward", prio: 0, policy } },
        { chain: { ...place, name: "other" } },
        ...rules("base", base),
        ...rules("other", other),
      ],
    }),
  );
}

test.each<[what: string, entrances: Entrance[], outward: string, answers: string, published: string]>([
  ["a policy", nftables("drop", []), "drops: policy", "drops: policy", "drops: policy"],
  [
    "states and translations",
    nftables("accept", [
      [match({ ct: { key: "state" } }, { set: ["established", "related"] }), accept],
      [match({ ct: { key: "status" } }, "dnat", "in"), accept],
      [{ reject: { type: "icmpx" } }],
    ]),
    "drops: base",
    "passes",
    "passes",
  ],
  [
    "verdict maps, named and in place",
    nftables(
      "accept",
      [
        [{ vmap: { key: meta("iifname"), data: "@zones" } }],
        [{ vmap: { key: meta("oifname"), data: { set: [["eth0", drop]] } } }],
      ],
      [
        [match(field("tcp", "dport"), 22), accept],
        [match(meta("l4proto"), "tcp"), { return: null }],
      ],
    ),
    "drops: base",
    "drops: base",
    "drops: base",
  ],
  [
    "named sets, prefixes and ranges",
    nftables("accept", [
      [match(field("ip", "daddr"), "@bad"), drop],
      [match(field("ip", "saddr"), { range: ["10.7.0.0", "10.7.0.255"] }), accept],
      [match(field("ip", "saddr"), { prefix: { addr: "10.7.0.0", len: 16 } }, "!="), accept],
    ]),
    "passes",
    "drops: base",
    "drops: base",
  ],
  [
    "the other family, other protocols and masks",
    nftables("accept", [
      [match(meta("nfproto"), "ipv6"), drop],
      [match(field("ip6", "saddr"), "fd00::1", "!="), drop],
      [match(field("udp", "dport"), 53, "!="), drop],
      [match({ "&": [meta("mark"), 255] }, 1), drop],
      [match({ fib: { result: "type", flags: ["daddr"] } }, "local"), drop],
    ]),
    "passes",
    "passes",
    "passes",
  ],
  [
    "concatenations, and ports above one",
    nftables("accept", [
      [match({ concat: [meta("iifname"), meta("oifname")] }, { set: [{ concat: ["netkit0", "eth0"] }] }), drop],
      [match(field("tcp", "dport"), 79, ">"), match({ ct: { key: "state" } }, "new", "in"), drop],
    ]),
    "drops: base",
    "passes",
    "drops: base",
  ],
  [
    "what can't be judged",
    nftables("accept", [
      [match(meta("oifname"), "netkit0"), { limit: { rate: 1 } }, drop],
      [match(meta("cgroup"), 3), drop],
    ]),
    "may drop: base",
    "may drop: base",
    "may drop: base",
  ],
  [
    "statements of tomorrow",
    nftables("accept", [[{ tomorrow: {} }]]),
    "may drop: base",
    "may drop: base",
    "may drop: base",
  ],
])("nftables: %s", (_, entrances, ...expected) => {
  expect([outward, answers, published].map((packet) => verdict(entrances, packet))).toEqual(expected);
});

const tunnel: Packet = {
  hook: "input",
  family: "ipv4",
  in: "eth1",
  source: "192.0.2.2" as Ip,
  destination: "192.0.2.1" as Ip,
  protocol: "udp",
  destinationPort: 4789,
  state: "untracked",
  translated: false,
};

/** INPUT with a policy that drops, and one chain that it goes through. */
function guarded(chain: string, ...rules: string[]): Entrance[] {
  const lines = ["*filter", ":INPUT DROP [0:0]", `:${chain} - [0:0]`, `-A INPUT -j ${chain}`];
  return parseXtables([...lines, ...rules.map((rule) => `-A ${chain} ${rule}`), "COMMIT"].join("\n"), "iptables", "ip");
}

test.each<[what: string, entrances: Entrance[], remedy: string[]]>([
  [
    "ufw, as it comes",
    guarded("ufw-user-input", "-m conntrack --ctstate NEW -j ACCEPT"),
    ["ufw allow in on eth1 to any port 4789 proto udp"],
  ],
  [
    "ufw, where its user denies it",
    guarded("ufw-user-input", "-i eth1 -p udp -m udp --dport 4789 -j DROP"),
    [
      "ufw delete deny in on eth1 to any port 4789 proto udp",
      "ufw prepend allow in on eth1 to any port 4789 proto udp",
    ],
  ],
  [
    "firewalld",
    guarded("INPUT_direct", "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
    ["firewall-cmd --add-port=4789/udp", "firewall-cmd --permanent --add-port=4789/udp"],
  ],
  ["what lets tunnels through", guarded("A", "-m conntrack --ctstate UNTRACKED -j ACCEPT"), []],
])("a tunnel's packets are let through in the words of %s, and on no other port", (_, entrances, remedy) => {
  const hits = entrances.flatMap((entrance) => judge(entrance, tunnel) ?? []);
  expect(hits.flatMap((hit) => remedyOf(hit, { link: "eth1", port: 4789 }, tunnel))).toEqual(remedy);
});
