import { hooks, type HookName, type Match } from "./packet.ts";
import { parseKey, parseMatch, type Json } from "./nft-match.ts";
import type { Entrance, Origin, Rule, Verdict } from "./ruleset.ts";

/** Statements after which a packet goes on as it was, as far as passing is concerned. */
const passing = new Set([
  "counter",
  "log",
  "mangle",
  "notrack",
  "ct helper",
  "ct timeout",
  "ct expectation",
  "set",
  "map",
  "dup",
  "meter",
  "flow",
  "last",
  "secmark",
]);

type Listed = Readonly<Record<"chain" | "rule" | "set" | "map", Readonly<Record<string, Json>> | undefined>>;

/** Reads the base chains of the output of `nft -j list table`. */
export function parseNftables(output: string): Entrance[] {
  const { nftables } = JSON.parse(output) as { nftables: readonly Listed[] };
  const chains = new Map<string, Rule[]>();
  const sets = new Map<string, readonly Json[]>();
  const entrances: Entrance[] = [];
  for (const { chain, set, map } of nftables) {
    const elements = set ?? map;
    if (elements !== undefined) sets.set(String(elements["name"]), (elements["elem"] as readonly Json[]) ?? []);
    if (chain === undefined) continue;
    const name = String(chain["name"]);
    chains.set(name, []);
    const hook = String(chain["hook"]);
    if (!(hook in hooks) || chain["type"] === "nat") continue;
    const origin: Origin = {
      tool: "nftables",
      family: chain["family"] as Origin["family"],
      table: String(chain["table"]),
    };
    const policy = chain["policy"] === "drop" ? "drop" : "accept";
    entrances.push({ origin, hook: hook as HookName, name, policy, chains });
  }
  for (const { rule } of nftables) {
    if (rule === undefined) continue;
    chains.get(String(rule["chain"]))?.push(...parseRule(rule, sets));
  }
  return entrances;
}

/** A rule with a verdict map is a rule for each of its elements. */
function parseRule(rule: Readonly<Record<string, Json>>, sets: ReadonlyMap<string, readonly Json[]>): Rule[] {
  const comment = rule["comment"];
  const text = `handle ${String(rule["handle"])}${typeof comment === "string" ? ` (${comment})` : ""}`;
  const matches: Match[] = [];
  for (const statement of rule["expr"] as readonly Readonly<Record<string, Json>>[]) {
    const [[name, body] = ["", null]] = Object.entries(statement);
    if (name === "match") matches.push(parseMatch(body as { op: string; left: Json; right: Json }, sets));
    else if (name === "vmap") {
      const { key, data } = body as { key: Json; data: Json };
      const elements = pairsOf(data, sets);
      if (elements === undefined) return [{ matches, verdict: { kind: "opaque" }, text }];
      return elements.map(([value, verdict]) => ({
        matches: [...matches, parseKey(key, value)],
        verdict: verdictOf(verdict),
        text,
      }));
    } else if (name === "limit" || name === "quota" || name === "ct count" || name === "xt") {
      matches.push(() => "maybe");
    } else if (!passing.has(name)) return [{ matches, verdict: verdictOf(statement), text }];
  }
  return [{ matches, verdict: undefined, text }];
}

function pairsOf(
  data: Json,
  sets: ReadonlyMap<string, readonly Json[]>,
): readonly (readonly [Json, Json])[] | undefined {
  const pairs = typeof data === "string" ? sets.get(data.slice(1)) : (data as { readonly set?: readonly Json[] }).set;
  return pairs as readonly (readonly [Json, Json])[] | undefined;
}

function verdictOf(statement: Json): Verdict | undefined {
  const [[name, body] = ["", null]] = Object.entries((statement ?? {}) as Readonly<Record<string, Json>>);
  switch (name) {
    case "accept":
    case "drop":
    case "return":
      return { kind: name };
    case "reject":
      return { kind: "drop" };
    case "jump":
    case "goto":
      return { kind: name, chain: String((body as { target: Json }).target) };
    case "continue":
      return undefined;
    default:
      return { kind: "opaque" };
  }
}
