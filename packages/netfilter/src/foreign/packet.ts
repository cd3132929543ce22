import { isIP } from "node:net";
import type { Cidr, Family, Ip, Protocol } from "@netkit/core";
import { parseAddress } from "@netkit/netlink";

/** Where a packet is looked at: netfilter's hooks, by their numbers in NF_INET_* (linux/netfilter.h). */
export const hooks = { input: 1, forward: 2, output: 3 } as const;
export type HookName = keyof typeof hooks;

/**
 * A packet as netfilter sees it at one hook. What is absent of addresses and ports is outside and could be anything: the
 * packet then stands for all those that no rule singles out.
 */
export interface Packet {
  readonly hook: HookName;
  readonly family: Family;
  /** Incoming and outgoing link; absent where the hook has none. */
  readonly in?: string;
  readonly out?: string;
  readonly source?: Cidr | Ip;
  readonly destination?: Cidr | Ip;
  readonly protocol: Protocol;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** What conntrack says of its connection; tunnels are left alone by it. */
  readonly state: "new" | "established" | "untracked";
  /** The connection's destination was translated: it is one of a published port. */
  readonly translated: boolean;
}

/** Whether a packet is meant; `maybe` where that can't be told. */
export type Answer = "yes" | "no" | "maybe";
/** One condition of a rule. */
export type Match = (packet: Packet) => Answer;

export const answer = (is: boolean): Answer => (is ? "yes" : "no");

export function not(value: Answer): Answer {
  return value === "maybe" ? value : answer(value === "no");
}

export function all(values: Iterable<Answer>): Answer {
  let result: Answer = "yes";
  for (const value of values) {
    if (value === "no") return "no";
    if (value === "maybe") result = "maybe";
  }
  return result;
}

export function any(values: Iterable<Answer>): Answer {
  let result: Answer = "no";
  for (const value of values) {
    if (value === "yes") return "yes";
    if (value === "maybe") result = "maybe";
  }
  return result;
}

/** A link's name against one, or against the beginning of names before `wildcard`. */
export function isLink(name: string | undefined, pattern: string, wildcard: "+" | "*"): Answer {
  const found = name ?? "";
  return answer(pattern.endsWith(wildcard) ? found.startsWith(pattern.slice(0, -1)) : found === pattern);
}

/** Ports above which a range is more than a service. */
const MANY = 1000;

export function isPort(port: number | undefined, first: number, last: number): Answer {
  if (port !== undefined) return answer(port >= first && port <= last);
  if (first <= 1 && last >= 65_535) return "yes";
  return last - first > MANY ? "maybe" : "no";
}

interface Range {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/**
 * Whether an address, or every address of a subnet, lies in a range.
 * @param range `192.0.2.1`, `192.0.2.0/24` or `192.0.2.1-192.0.2.9`
 */
export function isAddress(address: Cidr | Ip | undefined, range: string): Answer {
  const meant = rangeOf(range);
  if (meant === undefined) return "maybe";
  const { first, last } = meant;
  if (address === undefined) return answer(first.every((byte) => byte === 0) && last.every((byte) => byte === 255));
  const own = rangeOf(address);
  if (own === undefined) return "maybe";
  const sameFamily = own.first.length === first.length;
  return answer(sameFamily && Buffer.compare(first, own.first) <= 0 && Buffer.compare(own.last, last) <= 0);
}

const ranges = new Map<string, Range | undefined>();

/** undefined: it isn't a range of addresses, such as one with a mask that has holes. */
function rangeOf(text: string): Range | undefined {
  if (!ranges.has(text)) ranges.set(text, parseRange(text));
  return ranges.get(text);
}

function parseRange(text: string): Range | undefined {
  const [, from = "", length, to = from] = /^([^-/]+)(?:\/([0-9]+)|-(.+))?$/.exec(text) ?? [];
  if (isIP(from) === 0 || isIP(from) !== isIP(to)) return undefined;
  const [first, last] = [Uint8Array.from(parseAddress(from)), Uint8Array.from(parseAddress(to))];
  if (length === undefined) return { first, last };
  for (let bit = Number(length); bit < first.length * 8; bit++) {
    const mask = 0x80 >> (bit % 8);
    first[bit >> 3] = (first[bit >> 3] ?? 0) & ~mask;
    last[bit >> 3] = (last[bit >> 3] ?? 0) | mask;
  }
  return { first, last };
}
