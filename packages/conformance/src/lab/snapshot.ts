import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Space } from "./space.ts";

/** What the kernel holds, by name of space and then section, without what changes by itself. */
export type Snapshot = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export interface SnapshotOptions {
  /** Names under /run/netns and /etc/netns that start with one of these belong to the picture. */
  readonly names?: readonly string[];
  /** Files and folders that belong to the picture. */
  readonly files?: readonly string[];
  /** Compare what two kernels have in common: no MAC addresses that the kernel chose, no interface numbers. */
  readonly portable?: boolean;
}

type Json = Record<string, unknown>;

/**
 * One shell per space: each section is a line `#name` and what was printed; of several names a line is said for each. Starting programs
 * is what takes the time, where processors are emulated above all.
 */
const script = String.raw`
set +e
section() { echo; echo "#$1"; shift; "$@" 2>/dev/null; }
batch() { family=$1; shift; printf '%s\n' "$@" | ip $family -j -d -batch -; }
section addresses,neighbours,proxies batch "" "address show" "neighbour show nud permanent" "neighbour show proxy"
section links,routes4,rules4 batch -4 "link show" "route show table all" "rule show"
section routes6,rules6 batch -6 "route show table all" "rule show"
section fdb bridge -j -d fdb show
qdiscs=$(tc -j qdisc show 2>/dev/null)
section qdiscs echo "$qdiscs"
filters() {
  tc qdisc show | sed -n 's/^qdisc \(ingress\|clsact\) .* dev \([^ ]*\) .*/\2/p' | while read -r dev; do
    tc filter show dev "$dev" ingress | sed "s/^/$dev /"
  done
}
case $qdiscs in *'"ingress"'* | *'"clsact"'*) section filters filters ;; esac
section nft nft -j list ruleset
[ -s /proc/net/ip_tables_names ] && section iptables iptables-legacy-save
[ -s /proc/net/ip6_tables_names ] && section ip6tables ip6tables-legacy-save
cd /proc/sys/net
section sysctls grep -rs . ipv4/conf ipv4/neigh ipv6/conf ipv6/neigh bridge
exit 0
`;

/** A picture of the spaces that knows nothing of netkit: taken with ip, bridge, tc, nft and /proc alone. */
export async function takeSnapshot(
  spaces: Readonly<Record<string, Pick<Space, "exec">>>,
  { names = [], files = [], portable = false }: SnapshotOptions = {},
): Promise<Snapshot> {
  const snapshot: Record<string, Record<string, readonly string[]>> = {};
  for (const [name, space] of Object.entries(spaces)) {
    const output = await space.exec(["sh"], { input: script });
    snapshot[name] = Object.fromEntries(
      sectionsOf(output).map(([section, text]) => [section, normalise(section, text, portable)]),
    );
  }
  const named = ["/run/netns", "/etc/netns"].flatMap((folder) =>
    entriesOf(folder)
      .filter((entry) => names.some((prefix) => entry.startsWith(prefix)))
      .flatMap((entry) => contentOf(join(folder, entry))),
  );
  snapshot["machine"] = { files: [...named, ...files.flatMap(contentOf)] };
  return snapshot;
}

/** Each with what was printed; nothing where a kernel lacks what was asked for. */
function sectionsOf(output: string): [name: string, text: string][] {
  return output.split(/^#/m).flatMap((part): [string, string][] => {
    const end = part.indexOf("\n");
    const text = part.slice(end + 1).trim();
    const names = part.slice(0, end).split(",");
    if (names.length === 1) return names[0] === "" ? [] : [[names[0] ?? "", text]];
    const lines = text === "" ? names.map(() => "") : text.split("\n");
    if (lines.length !== names.length) throw new Error(`ip has ${lines.length} answers for ${names.join(", ")}`);
    return names.map((name, index) => [name, lines[index] ?? ""]);
  });
}

/** One line per difference; none if the two are equal. What goes with a link or an nft table isn't told beside it. */
export function compareSnapshots(before: Snapshot, after: Snapshot): string[] {
  const differences: string[] = [];
  for (const space of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old = {}, now = {}] = [before[space], after[space]];
    for (const section of new Set([...Object.keys(old), ...Object.keys(now)])) {
      const [oldLines, nowLines] = [count(old[section] ?? []), count(now[section] ?? [])];
      const [oldParents, nowParents] = [parentsOf(section, oldLines), parentsOf(section, nowLines)];
      for (const line of new Set([...oldLines.keys(), ...nowLines.keys()])) {
        const change = (nowLines.get(line) ?? 0) - (oldLines.get(line) ?? 0);
        const parent = parentOf(section, line);
        const told = parent === undefined || (oldParents.has(parent) && nowParents.has(parent));
        if (change !== 0 && told) differences.push(`${space} ${section}: ${change > 0 ? "+" : "-"} ${line}`);
      }
    }
  }
  return differences;
}

/** What a line comes and goes with. */
function parentOf(section: string, line: string): string | undefined {
  if (section === "sysctls") return /\/(?:conf|neigh)\/([^/]+)\//.exec(line)?.[1];
  if (section === "nft" && !line.startsWith('{"table"')) {
    const table = /"table":"([^"]+)"/.exec(line)?.[1];
    return table === undefined || tablesOfIptables.has(table) ? undefined : table;
  }
  return undefined;
}

function parentsOf(section: string, lines: ReadonlyMap<string, number>): Set<string | undefined> {
  if (section === "nft")
    return new Set([...lines.keys()].map((line) => /^\{"table":.*"name":"([^"]+)"/.exec(line)?.[1]));
  return new Set([...lines.keys()].map((line) => parentOf(section, line)));
}

function count(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function normalise(section: string, text: string, portable: boolean): string[] {
  if (section === "sysctls") return text.split("\n").filter(keepSysctl).toSorted();
  if (section === "iptables" || section === "ip6tables") {
    return text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.replace(/\[\d+:\d+\]/, ""));
  }
  if (section === "filters") {
    // Actions are numbered through the whole kernel.
    const lines = text.split("\n").map((line) => line.replace(/\sindex \d+ ref \d+ bind \d+/, "").trimEnd());
    return lines.filter((line) => line.includes(" ")).toSorted();
  }
  const parsed = JSON.parse(text === "" ? "[]" : text) as Json[] | { nftables: Json[] };
  const rows = Array.isArray(parsed) ? parsed : parsed.nftables;
  return rows
    .filter((row) => Object.keys(row).length > 0)
    .flatMap((row) => normaliseRow(section, row, portable))
    .map((row) => JSON.stringify(row))
    .toSorted();
}

function normaliseRow(section: string, row: Json, portable: boolean): Json[] {
  switch (section) {
    case "links":
      return [link(row, portable)];
    case "addresses":
      return ((row["addr_info"] ?? []) as Json[])
        .filter(({ scope, family }) => !(family === "inet6" && scope === "link"))
        .map((address) => ({ link: row["ifname"], ...without(address, ["valid_life_time", "preferred_life_time"]) }));
    case "routes6":
      // The kernel's own: multicast, link-local and anycast, which come and go with the links.
      return /^(ff00::|fe80:)/.test(String(row["dst"])) || row["type"] === "anycast"
        ? []
        : [without(row, ["flags", "pref"])];
    case "routes4":
      return [without(row, ["flags"])];
    case "fdb":
      return row["state"] === "permanent" && !/^(33:33|01:00:5e)/.test(String(row["mac"]))
        ? [portable ? without(row, ["mac"]) : row]
        : [];
    case "qdiscs":
      return [without(row, ["refcnt"])];
    case "nft":
      return "metainfo" in row || isOfIptables(row) ? [] : [ruleset(row) as Json];
    default:
      return [row];
  }
}

/** A bridge reports timers and its ports' states; the numbers of links start anew in each namespace. */
function link(row: Json, portable: boolean): Json {
  const info = (row["linkinfo"] ?? {}) as { info_kind?: string; info_data?: Json; info_slave_data?: Json };
  const volatile = /timer|_id$|^state$|^no$|designated|topology|bridge_id|root_|mcast|vlan|config_pending/;
  const data = (of: Json | undefined): Json =>
    Object.fromEntries(Object.entries(of ?? {}).filter(([key]) => !volatile.test(key)));
  const kept = without(row, [
    "ifindex",
    "link_index",
    "link_netnsid",
    "linkinfo",
    "operstate",
    "promiscuity",
    "allmulti",
    "tso_max_size",
    "tso_max_segs",
    "flags",
    ...(portable ? ["address", "link"] : []),
  ]);
  const flags = (row["flags"] as string[]).filter(
    (flag) => !["LOWER_UP", "NO-CARRIER", "M-DOWN", "PROMISC"].includes(flag),
  );
  return {
    ...kept,
    flags,
    kind: info.info_kind,
    data: data(info.info_data),
    // Ports are numbered in the order in which they came.
    port: without(data(info.info_slave_data), ["id"]),
  };
}

const tablesOfIptables: ReadonlySet<unknown> = new Set(["raw", "mangle", "nat", "filter"]);

/** What iptables makes when it is used and never takes away: its tables, and the chains at their hooks that let everything pass. */
function isOfIptables({ table, chain }: { readonly table?: Json; readonly chain?: Json } & Json): boolean {
  const isIts = ({ family }: Json, name: unknown): boolean =>
    (family === "ip" || family === "ip6") && tablesOfIptables.has(name);
  if (table !== undefined) return isIts(table, table["name"]);
  return chain !== undefined && isIts(chain, chain["table"]) && chain["policy"] === "accept";
}

/** Without handles, counters, the order of elements, and what packets put into sets (see lastingRules). */
function ruleset(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ruleset);
  if (typeof value !== "object" || value === null) return value;
  const { flags } = value as { readonly flags?: unknown };
  // nft's JSON doesn't say that a set is dynamic; what is in a set for a time alone goes by itself as well.
  const expires = Array.isArray(flags) && flags.includes("timeout");
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !["handle", "packets", "bytes", ...(expires ? ["elem"] : [])].includes(key))
      .map(([key, inner]) => {
        if (key === "elem" && Array.isArray(inner)) {
          return [key, inner.map((element) => JSON.stringify(ruleset(element))).toSorted()];
        }
        return [key, ruleset(inner)];
      }),
  );
}

/**
 * Forwarding is the host's, set where it is needed and left so; setting it turns the redirects of the host off. Counters
 * and the values that the kernel computes are no settings.
 */
function keepSysctl(line: string): boolean {
  return line !== "" && !/\/(mc_)?forwarding:|\/conf\/all\/(accept|send|secure)_redirects:|stable_secret/.test(line);
}

function without(row: Json, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key)));
}

function entriesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).toSorted() : [];
}

/** One line per file; a namespace has no content. */
function contentOf(path: string): string[] {
  if (!existsSync(path)) return [];
  if (lstatSync(path).isDirectory())
    return [`${path}/`, ...entriesOf(path).flatMap((entry) => contentOf(join(path, entry)))];
  if (path.startsWith("/run/netns/")) return [path];
  return [`${path} ${JSON.stringify(readFileSync(path, "utf8"))}`];
}
