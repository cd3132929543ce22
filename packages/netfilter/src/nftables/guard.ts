/**
 * Which frames guarded ports of bridges may send: constant chains and sets of a table of the family `bridge`, which is there as
 * long as a bridge is guarded. The bridge itself sees to it that a port's MAC is its own (a locked port).
 */

/** The sets that resources are elements of. */
export const guardSets = {
  /** The link groups of guarded ports: `goto sender`. */
  guarded: "map { type devgroup : verdict; }",
  /** What ports may speak with beside what follows from their MACs. */
  sender4: "set { type ifname . ipv4_addr; }",
  sender6: "set { type ifname . ipv6_addr; }",
} as const;

/** Each byte with itself: nft compares no two parts of a packet, but looks up both. */
const twins = "set { typeof @ll,48,8 . @nh,96,8; }";

/**
 * Ports with the IPv4 address that follows from their MACs, put here by the first packet that was looked at, so that those
 * behind it cost one lookup. A port's index is no other's after it; what is here of one that has gone goes by itself.
 * Where the set is full, packets are looked at one by one.
 */
const proved = "set { type iface_index . ipv4_addr; flags dynamic, timeout; timeout 1m; gc-interval 1m; size 65536; }";

export const byteCount = 256;

/** That `count` bytes at two places of a frame, each a header (`ll`, `nh`, `th`) and its bit, are the same. */
function same(count: number, [header, at]: Place, [otherHeader, otherAt]: Place): string {
  return Array.from(
    { length: count },
    (_, index) => `@${header},${at + index * 8},8 . @${otherHeader},${otherAt + index * 8},8 @twins`,
  ).join(" ");
}

type Place = readonly [header: "ll" | "nh" | "th", bit: number];

const mac = 48;
/** See `macOfAddress`: what is left of the MAC is the address. */
const ofIpv4 = "ether saddr & ff:ff:00:00:00:00 == 02:6e:00:00:00:00";
const address = mac + 16;
/** Of a MAC that begins with 02: fe80::XX:XXff:feXX:XXXX. */
const ofLinkLocal = [
  "ether saddr & ff:00:00:00:00:00 == 02:00:00:00:00:00",
  "ip6 saddr & ffff:ffff:ffff:ffff:ff00:00ff:ff00:0 == fe80::ff:fe00:0",
  same(2, ["ll", mac + 8], ["nh", 64 + 72]),
  same(3, ["ll", mac + 24], ["nh", 64 + 104]),
].join(" ");

export const guardChains: Readonly<Record<string, GuardChain>> = {
  "sender-ip": {
    rules: [
      [`${ofIpv4} ${same(4, ["ll", address], ["nh", 96])} goto sender-proved`, "the address of the MAC"],
      ["iifname . ip saddr @sender4 accept", "another address of the port"],
      ["drop", "somebody else's"],
    ],
  },
  "sender-proved": {
    rules: [
      ["add @proved { iif . ip saddr }", "once"],
      ["accept", "the address of the MAC"],
    ],
  },
  "sender-arp": {
    rules: [
      ["arp htype != 1 drop", "no Ethernet"],
      ["arp ptype != ip drop", "no IPv4"],
      ["arp hlen != 6 drop", "MACs of another length"],
      ["arp plen != 4 drop", "addresses of another length"],
      [`${same(6, ["ll", mac], ["nh", 64])} goto sender-arp-ip`, "its own MAC"],
      ["drop", "somebody else's MAC"],
    ],
  },
  "sender-arp-ip": {
    rules: [
      ["arp saddr ip 0.0.0.0 accept", "a probe"],
      [`meta protocol arp ${ofIpv4} ${same(4, ["ll", address], ["nh", 112])} accept`, "the address of the MAC"],
      ["iifname . arp saddr ip @sender4 accept", "another address of the port"],
      ["drop", "somebody else's"],
    ],
  },
  "sender-ip6": {
    rules: [
      ["icmpv6 type { nd-router-advert, nd-redirect } drop", "a sandbox is no router"],
      [
        "ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld-listener-report, mld2-listener-report } accept",
        "an address that isn't one yet",
      ],
      // What the kernel advertises it says from the address itself.
      [`icmpv6 type nd-neighbor-advert ${same(16, ["nh", 64], ["th", 64])} goto sender-own6`, "for its own address"],
      ["icmpv6 type nd-neighbor-advert drop", "for somebody else's"],
      ["goto sender-own6", "everything else"],
    ],
  },
  "sender-own6": {
    rules: [
      [`${ofLinkLocal} accept`, "the link-local address of the MAC"],
      ["iifname . ip6 saddr @sender6 accept", "another address of the port"],
      ["drop", "somebody else's"],
    ],
  },
  sender: {
    rules: [
      ["meta protocol vmap { ip : goto sender-ip, arp : goto sender-arp, ip6 : goto sender-ip6 }", "who says it"],
      // The receiver's kernel takes off tags of VLAN 0, one within another.
      ["meta protocol { 8021q, 8021ad } drop", "hidden below a second tag"],
    ],
  },
  "guard-prerouting": {
    hook: { type: "filter", hook: "prerouting", prio: -300 },
    rules: [
      ["iif . ip saddr @proved accept", "looked at before"],
      ["iifgroup vmap @guarded", "from a guarded port"],
    ],
  },
};

interface GuardChain {
  readonly hook?: { readonly type: "filter"; readonly hook: "prerouting"; readonly prio: number };
  readonly rules: readonly (readonly [rule: string, comment: string])[];
}

/** All sets, with how they are declared. */
export const guardSpecs: Readonly<Record<string, string>> = { ...guardSets, twins, proved };

/** The commands that declare the guard, as `declareBase` does the base. */
export function declareGuard(table: string): string {
  const named = Object.entries(guardChains);
  // A goto leads to what is there.
  return [
    `add table bridge ${table}`,
    ...Object.entries(guardSpecs).map(([name, text]) => {
      const [type = "", ...spec] = text.split(" ");
      return `add ${type} bridge ${table} ${name} ${spec.join(" ")}`;
    }),
    `add element bridge ${table} twins { ${Array.from({ length: byteCount }, (_, byte) => `${byte} . ${byte}`).join(", ")} }`,
    ...named.flatMap(([name, { hook }]) => {
      const spec = hook && ` { type ${hook.type} hook ${hook.hook} priority ${hook.prio}; policy accept; }`;
      return [`add chain bridge ${table} ${name}${spec ?? ""}`, `flush chain bridge ${table} ${name}`];
    }),
    ...named.flatMap(([name, { rules }]) =>
      rules.map(([rule, comment]) => `add rule bridge ${table} ${name} ${rule} comment "${comment}"`),
    ),
  ].join("\n");
}

/** Commands that delete the guard, and fail, changing nothing, while a bridge is guarded. */
export function dropGuard(table: string): string {
  return [
    `flush chain bridge ${table} guard-prerouting`,
    `delete chain bridge ${table} sender`,
    `delete table bridge ${table}`,
  ].join("\n");
}
