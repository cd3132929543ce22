import { parseCidr, parseIp } from "@netkit/core";
import { chains, generation, setNames, type BaseChain, type SetName } from "./base.ts";
import { elementId, ownerIdOf, setsOf, type Element } from "./elements.ts";
import { byteCount, guardChains, guardSets, guardSpecs } from "./guard.ts";

/** What is in the tables. */
export interface Listing {
  /** Every element but that of the generation, by {@link elementId}. */
  readonly elements: ReadonlyMap<string, Element>;
  /** Those elements that a resource may have any number of, by their {@link ownerIdOf}. */
  readonly parts: ReadonlyMap<string, readonly Element[]>;
  /** Whether the table was declared by this very base. */
  readonly current: boolean;
  /** What of the base isn't as declared, in words; empty when all is well. */
  readonly faults: readonly string[];
}

interface Json {
  readonly [name: string]: unknown;
}

/** All chains of both tables: no two have one name. */
const allChains: readonly (readonly [name: string, BaseChain])[] = [
  ...Object.entries(chains),
  ...Object.entries(guardChains).map(([name, chain]) => [name, { ...chain, only: "guarded" }] as const),
];

/** Read the outputs of `nft -j list table` (libnftables-json(5)). */
export function parseListing(outputs: readonly string[]): Listing {
  const objects = outputs.flatMap((text) => (JSON.parse(text) as { readonly nftables: readonly Json[] }).nftables);
  const elements = new Map<string, Element>();
  const parts = new Map<string, Element[]>();
  const known = new Set<string>([...setNames, ...Object.keys(guardSets)]);
  const sets = new Set<string>();
  const found = new Map<string, { readonly chain: Json; readonly comments: string[] }>();
  let current = false;
  let twins = 0;

  for (const object of objects) {
    const set = object["set"] ?? object["map"];
    if (isRecord(set)) {
      const name = String(set["name"]);
      sets.add(name);
      const content = Array.isArray(set["elem"]) ? (set["elem"] as unknown[]) : [];
      if (name === "generation") current = content.includes(generation());
      else if (name === "twins") twins = content.length;
      else if (known.has(name)) {
        for (const item of content) {
          const element = parseElement(set, item);
          elements.set(elementId(element), element);
          const owner = ownerIdOf(element);
          if (owner === undefined) continue;
          parts.set(owner, [...(parts.get(owner) ?? []), element]);
        }
      }
    }
    if (isRecord(object["chain"])) found.set(String(object["chain"]["name"]), { chain: object["chain"], comments: [] });
    if (isRecord(object["rule"])) {
      const { chain, comment } = object["rule"];
      found.get(String(chain))?.comments.push(typeof comment === "string" ? comment : "");
    }
  }

  const faults: string[] = current ? [] : ["the table is of another generation"];
  const used = setsOf(elements.values());
  const wanted = [...setNames, ...(used.has("guarded") ? Object.keys(guardSpecs) : [])];
  for (const name of wanted) if (!sets.has(name)) faults.push(`set ${name} is missing`);
  if (used.has("guarded") && twins !== byteCount) faults.push("set twins was changed");
  for (const [name, { hook, only, rules }] of allChains) {
    const is = found.get(name);
    if (only !== undefined && !used.has(only)) continue;
    if (is === undefined) faults.push(`chain ${name} is missing`);
    else if (hook && !hooked(is.chain, hook)) faults.push(`chain ${name} has another hook, priority or policy`);
    else if (
      !equal(
        is.comments,
        rules.map(([, comment]) => comment),
      )
    )
      faults.push(`the rules of chain ${name} were changed`);
  }
  const names = new Set(allChains.map(([name]) => name));
  for (const name of found.keys()) if (!names.has(name)) faults.push(`chain ${name} isn't netkit's`);
  return { elements, parts, current, faults };
}

function hooked(chain: Json, hook: { readonly type: string; readonly hook: string; readonly prio: number }): boolean {
  const { type, hook: at, prio } = hook;
  return chain["type"] === type && chain["hook"] === at && chain["prio"] === prio && chain["policy"] === "accept";
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** A set holds keys, a map pairs; a comment wraps the key. */
function parseElement(set: Json, item: unknown): Element {
  const [wrapped, data] = Array.isArray(item) ? (item as unknown[]) : [item];
  const inner = isRecord(wrapped) && isRecord(wrapped["elem"]) ? wrapped["elem"] : undefined;
  const comment = inner?.["comment"];
  return {
    set: String(set["name"]) as SetName,
    key: joinParts(inner === undefined ? wrapped : inner["val"], typesOf(set["type"])),
    ...(data === undefined ? {} : { data: joinParts(data, typesOf(set["map"])) }),
    ...(typeof comment === "string" ? { comment } : {}),
  };
}

/** nft writes types as `"a"`, `["a", "b"]` or `"a . b"`. */
function typesOf(type: unknown): readonly string[] {
  return Array.isArray(type) ? type.map(String) : String(type).split(" . ");
}

/** A value in the words of {@link Element}. */
function joinParts(value: unknown, types: readonly string[]): string {
  const parts = isRecord(value) && Array.isArray(value["concat"]) ? (value["concat"] as unknown[]) : [value];
  return parts.map((part, index) => toText(part, types[index] ?? "")).join(" . ");
}

function toText(value: unknown, type: string): string {
  if (isRecord(value)) {
    const { range, prefix, goto } = value as { range?: unknown; prefix?: Json; goto?: Json };
    if (Array.isArray(range)) return range.map((end) => toText(end, type)).join("-");
    if (prefix !== undefined) return parseCidr(`${String(prefix["addr"])}/${String(prefix["len"])}`);
    if (goto !== undefined) return `goto ${String(goto["target"])}`;
    return JSON.stringify(value);
  }
  const text = String(value);
  if (type === "ifname") return `"${text}"`;
  if (type === "ipv4_addr" || type === "ipv6_addr") return parseIp(text);
  // Where /etc/protocols is missing, nft knows their numbers only.
  if (type === "inet_proto") return protocolNames.get(text) ?? text;
  return text;
}

const protocolNames: ReadonlyMap<string, string> = new Map([
  ["6", "tcp"],
  ["17", "udp"],
  ["132", "sctp"],
]);

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
