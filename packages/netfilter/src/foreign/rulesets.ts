import { realpathSync } from "node:fs";
import { basename } from "node:path";
import type { BaseChain } from "@netkit/netlink";
import type { Home } from "../home.ts";
import type { Nft } from "../nftables/nft.ts";
import { findProgram, runProgram } from "../program.ts";
import { families, hookNames, type Glance } from "./glance.ts";
import { parseNftables } from "./nft-rules.ts";
import type { Entrance, Origin } from "./ruleset.ts";
import { parseXtables } from "./xtables.ts";

/** Tables of these names, in ip and ip6, are those of iptables on nf_tables. */
const xtables = new Set(["filter", "mangle", "raw", "security", "nat"]);

/** Reads all rules that the chains of a glance lead to. */
export async function readEntrances(home: Home, { chains, legacy }: Glance, nft: Nft | undefined): Promise<Entrance[]> {
  const found: Entrance[] = [];
  for (const family of legacy) found.push(...(await readXtables(home, family, "iptables-legacy")));
  const tables = Map.groupBy(chains, ({ family, table }) => `${families.get(family) ?? ""} ${table}`);
  const saved = new Map<string, Entrance[]>();
  for (const [name, own] of tables) {
    const [family = "", table = ""] = name.split(" ");
    let read: Entrance[] | undefined;
    if (family !== "inet" && xtables.has(table)) {
      if (!saved.has(family)) saved.set(family, await readXtables(home, family as "ip" | "ip6", "iptables-nft"));
      read = saved.get(family)?.filter(({ origin }) => origin.table === table);
    }
    if (read === undefined || read.length === 0) read = await readTable(nft, name);
    found.push(...(read ?? own.map(unread)));
  }
  return found;
}

async function readTable(nft: Nft | undefined, name: string): Promise<Entrance[] | undefined> {
  const listed = await nft?.run(`list table ${name}`, true);
  return listed?.code === 0 ? parseNftables(listed.output) : undefined;
}

function unread({ family, table, name, hook, policy }: BaseChain): Entrance {
  const origin: Origin = { tool: "nftables", family: families.get(family) ?? "inet", table };
  return { origin, hook: hookNames.get(hook) ?? "forward", name, policy };
}

type Variant = "iptables-legacy" | "iptables-nft";

/** The rules of one variant; none where it has no program, or its program can't read them. */
async function readXtables(home: Home, family: "ip" | "ip6", variant: Variant): Promise<Entrance[]> {
  const named = family === "ip" ? variant : variant.replace("iptables", "ip6tables");
  const plain = family === "ip" ? "iptables" : "ip6tables";
  const isDefault = variantOf(plain) === variant;
  const path = findProgram(`${named}-save`) ?? (isDefault ? findProgram(`${plain}-save`) : undefined);
  if (path === undefined) return [];
  const { code, output } = await runProgram(home, path, []);
  return code === 0 ? parseXtables(output, isDefault ? "iptables" : variant, family) : [];
}

/** Which of the two a plain `iptables` is: a link to xtables-nft-multi or xtables-legacy-multi, or (before 1.8) the latter. */
function variantOf(program: string): Variant | undefined {
  const path = findProgram(program);
  if (path === undefined) return undefined;
  return basename(realpathSync(path)).includes("nft") ? "iptables-nft" : "iptables-legacy";
}
