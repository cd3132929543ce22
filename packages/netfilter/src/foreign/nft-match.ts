import { all, answer, any, isAddress, isLink, isPort, not, type Answer, type Match, type Packet } from "./packet.ts";

/** A value of libnftables-json(5). */
export type Json = unknown;
/** The elements of the table's named sets and maps. */
export type NamedSets = ReadonlyMap<string, readonly Json[]>;

/** Compares what a rule looks at with one value of the rule; "no" as well where the packet has no such field. */
type Compare = (packet: Packet, value: Json) => Answer;

/** The statement `match` of libnftables-json(5). */
export function parseMatch({ op, left, right }: { op: string; left: Json; right: Json }, sets: NamedSets): Match {
  const { compare, applies } = field(left);
  const values = valuesOf(right, sets);
  if (op === "==" || op === "in" || op === "!=") {
    return (packet) => {
      if (!applies(packet)) return "no";
      const found = values === undefined ? "maybe" : any(values.map((value) => compare(packet, value)));
      return op === "!=" ? not(found) : found;
    };
  }
  const range = typeof right === "number" ? half(op, right) : undefined;
  return (packet) => (!applies(packet) ? "no" : range === undefined ? "maybe" : compare(packet, { range }));
}

/** The key of a verdict map against one of its elements. */
export function parseKey(left: Json, value: Json): Match {
  const { compare, applies } = field(left);
  const element = valueOf(value);
  return (packet) => (applies(packet) ? compare(packet, element) : "no");
}

function half(op: string, value: number): readonly [number, number] | undefined {
  switch (op) {
    case "<":
      return [0, value - 1];
    case "<=":
      return [0, value];
    case ">":
      return [value + 1, 65_535];
    case ">=":
      return [value, 65_535];
    default:
      return undefined;
  }
}

/** What a match is compared with, one by one; undefined for a set that isn't there. */
function valuesOf(right: Json, sets: NamedSets): readonly Json[] | undefined {
  if (typeof right === "string" && right.startsWith("@")) return sets.get(right.slice(1))?.map(valueOf);
  if (Array.isArray(right)) return right;
  const set = get(right, "set");
  return Array.isArray(set) ? set.map(valueOf) : [right];
}

/** An element that carries a comment, counter or timeout is wrapped; one of a map is a pair. */
function valueOf(element: Json): Json {
  return get(get(element, "elem"), "val") ?? element;
}

interface Field {
  readonly compare: Compare;
  readonly applies: (packet: Packet) => boolean;
}

const always = (): boolean => true;
const everywhere = (compare: Compare): Field => ({ compare, applies: always });
const unknown = everywhere(() => "maybe");

function field(left: Json): Field {
  const parts = get(left, "concat");
  if (Array.isArray(parts)) return concatenation(parts.map(field));
  const meta = get(get(left, "meta"), "key");
  if (typeof meta === "string") return metaField(meta);
  const ct = get(get(left, "ct"), "key");
  if (typeof ct === "string") return ctField(ct);
  const payload = get(left, "payload");
  if (payload !== undefined) return payloadField(String(get(payload, "protocol")), String(get(payload, "field")));
  const masked = get(left, "&");
  const key = Array.isArray(masked) ? get(get(masked[0] ?? null, "meta"), "key") : undefined;
  if (key === "mark") return metaField(key);
  return fibField(left);
}

function concatenation(fields: readonly Field[]): Field {
  return {
    applies: (packet) => fields.every(({ applies }) => applies(packet)),
    compare: (packet, value) => {
      const parts = get(value, "concat");
      if (!Array.isArray(parts)) return "maybe";
      return all(fields.map(({ compare }, index) => compare(packet, parts[index] ?? null)));
    },
  };
}

function metaField(key: string): Field {
  switch (key) {
    case "iifname":
    case "iif":
      return everywhere((packet, value) => linkAnswer(packet.in, value));
    case "oifname":
    case "oif":
      return everywhere((packet, value) => linkAnswer(packet.out, value));
    case "l4proto":
      return everywhere(({ protocol }, value) => answer(value === protocol));
    case "nfproto":
      return everywhere(({ family }, value) => answer(value === family));
    case "protocol":
      return everywhere(({ family }, value) => answer(value === (family === "ipv4" ? "ip" : "ip6")));
    case "pkttype":
      return everywhere((_, value) => answer(value === "host" || value === "unicast"));
    case "mark":
      // Packets carry no mark until somebody gives them one, which is not followed.
      return everywhere((_, value) => answer(value === 0));
    default:
      return unknown;
  }
}

function linkAnswer(name: string | undefined, value: Json): Answer {
  return typeof value === "string" ? isLink(name, value, "*") : "maybe";
}

function ctField(key: string): Field {
  switch (key) {
    case "state":
      return everywhere(({ state }, value) => answer(value === state));
    case "status":
      return everywhere(({ translated }, value) => (value === "dnat" ? answer(translated) : "maybe"));
    case "direction":
      return everywhere(({ state }, value) => (state === "new" ? answer(value === "original") : "maybe"));
    case "mark":
      return everywhere((_, value) => answer(value === 0));
    default:
      return unknown;
  }
}

function payloadField(protocol: string, name: string): Field {
  if (protocol === "ip" || protocol === "ip6") {
    const applies = ({ family }: Packet): boolean => (family === "ipv4") === (protocol === "ip");
    if (name === "saddr") return { applies, compare: ({ source }, value) => addressAnswer(source, value) };
    if (name === "daddr") return { applies, compare: ({ destination }, value) => addressAnswer(destination, value) };
    if (name === "protocol" || name === "nexthdr") {
      return { applies, compare: (packet, value) => answer(value === packet.protocol) };
    }
    return { applies, compare: () => "maybe" };
  }
  const applies = (packet: Packet): boolean => protocol === "th" || protocol === packet.protocol;
  if (name === "dport") return { applies, compare: (packet, value) => portAnswer(packet.destinationPort, value) };
  if (name === "sport") return { applies, compare: (packet, value) => portAnswer(packet.sourcePort, value) };
  return { applies, compare: () => "maybe" };
}

function addressAnswer(address: Packet["source"], value: Json): Answer {
  if (typeof value === "string") return isAddress(address, value);
  const prefix = get(value, "prefix");
  if (prefix !== undefined) return isAddress(address, `${String(get(prefix, "addr"))}/${String(get(prefix, "len"))}`);
  const range = get(value, "range");
  return Array.isArray(range) ? isAddress(address, range.map(String).join("-")) : "maybe";
}

function portAnswer(port: number | undefined, value: Json): Answer {
  if (typeof value === "number") return isPort(port, value, value);
  const range = get(value, "range");
  if (!Array.isArray(range)) return "maybe";
  const [first = 0, last = 0] = range.map(Number);
  return isPort(port, first, last);
}

/** What is forwarded is nobody's own address, and comes from where its answers go. */
function fibField(left: Json): Field {
  const fib = get(left, "fib");
  const result = get(fib, "result");
  const flags = get(fib, "flags");
  const about = Array.isArray(flags) ? flags : [flags];
  if (result === "type") {
    const own = about.includes("saddr") ? "output" : "input";
    return everywhere(({ hook }, value) => answer(value === (hook === own ? "local" : "unicast")));
  }
  return result === "oif" ? everywhere((_, value) => answer(value !== false)) : unknown;
}

function get(value: Json, key: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}
