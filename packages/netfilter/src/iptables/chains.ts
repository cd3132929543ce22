/** The chains that don't change, and where they hang. The order of the rules that resources add to one is of no account. */

export type Version = 4 | 6;
export type Table = "raw" | "mangle" | "nat" | "filter";

/** One rule: its matches, its target and a comment, by which it is known again. */
export interface Rule {
  readonly match?: string;
  /** One of iptables' own, with its options, or a chain of the instance. */
  readonly target: string;
  readonly comment: string;
}

export interface Chain {
  readonly table: Table;
  /** Without the instance's prefix. */
  readonly name: ChainName;
  /** The built-in chain that jumps here first of all. */
  readonly hook?: "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";
  readonly rules: readonly Rule[];
}

const chainNames = [
  "RAW",
  "SENDING",
  "TUNNELS",
  "HAIRPIN",
  "ARRIVING",
  "PREROUTING",
  "OUTPUT",
  "PUBLISHED",
  "HOST",
  "ANY",
  "SPAN",
  "POSTROUTING",
  "INPUT",
  "FORWARD",
  "SEALED",
  "OPENED",
  "FAMILIAR",
  "INWARD",
  "OUTWARD",
] as const;

export type ChainName = (typeof chainNames)[number];

/** What a rule's target says: the chain of that name is one of the instance's. */
export function targetText(prefix: string, target: string): string {
  return chainNames.some((name) => name === target) ? `${prefix}-${target}` : target;
}

export const tables: readonly Table[] = ["raw", "mangle", "nat", "filter"];

/** What the names of an instance's chains begin with; a name holds at most 28 bytes. */
export function prefixOf(mark: string): string {
  return mark.toUpperCase();
}

/** The chains of one family. */
export function chainsOf(prefix: string, version: Version): readonly Chain[] {
  const jump = (name: ChainName, comment: string, match?: string): Rule => ({
    target: `${prefix}-${name}`,
    comment,
    ...(match === undefined ? {} : { match }),
  });
  const local = "-m addrtype --dst-type LOCAL";
  const published: Rule[] = [jump("HOST", "ports of one address"), jump("ANY", "ports"), jump("SPAN", "ranges")];
  const unserved: Rule[] = [
    { match: "-d ::1/128", target: "RETURN", comment: "no NAT can serve it: the answer would be dropped" },
    { match: "-s fe80::/10", target: "RETURN", comment: "can not be forwarded" },
  ];
  const ownLoopback: Rule[] = [
    { match: "-d 127.0.0.0/8", target: "RETURN", comment: "ports of the loopback are the host's alone" },
  ];
  return [
    { table: "raw", name: "RAW", hook: "PREROUTING", rules: [] },
    { table: "raw", name: "SENDING", hook: "OUTPUT", rules: [] },
    // What is none of a sandbox's: with the host's own address others would take it for the host's tunnel.
    { table: "raw", name: "TUNNELS", rules: [] },
    { table: "mangle", name: "HAIRPIN", hook: "FORWARD", rules: [] },
    // The nat table drops nothing, and here a connection is known to be a new one, unlike in raw.
    { table: "mangle", name: "ARRIVING", hook: "PREROUTING", rules: [] },
    {
      table: "nat",
      name: "PREROUTING",
      hook: "PREROUTING",
      rules: [...(version === 4 ? ownLoopback : []), jump("PUBLISHED", "from outside and from sandboxes", local)],
    },
    { table: "nat", name: "OUTPUT", hook: "OUTPUT", rules: [jump("PUBLISHED", "from the host", local)] },
    { table: "nat", name: "PUBLISHED", rules: [...(version === 6 ? unserved : []), ...published] },
    { table: "nat", name: "HOST", rules: [] },
    { table: "nat", name: "ANY", rules: [] },
    { table: "nat", name: "SPAN", rules: [] },
    { table: "nat", name: "POSTROUTING", hook: "POSTROUTING", rules: [] },
    { table: "filter", name: "INPUT", hook: "INPUT", rules: [] },
    {
      table: "filter",
      name: "FORWARD",
      hook: "FORWARD",
      rules: [
        jump("SEALED", "internal"),
        jump("FAMILIAR", "from another part of a network"),
        jump("INWARD", "to a network"),
        jump("OUTWARD", "from a network"),
      ],
    },
    { table: "filter", name: "SEALED", rules: [] },
    { table: "filter", name: "OPENED", rules: [] },
    { table: "filter", name: "FAMILIAR", rules: [] },
    { table: "filter", name: "INWARD", rules: [] },
    { table: "filter", name: "OUTWARD", rules: [] },
  ];
}
