import {
  keyOf,
  NetkitError,
  type Change,
  type Difference,
  type HandlerContext,
  type Reading,
  type Resource,
  type ResourceKey,
  type Undo,
} from "@netkit/core";
import { nftGeneration } from "@netkit/netlink";
import { firewallResource, type Backend } from "../backend.ts";
import {
  assertBase,
  declareBase,
  declareUsed,
  demanding,
  dropTable,
  dropUnused,
  tableOf,
  type SetName,
} from "./base.ts";
import type { Home } from "../home.ts";
import { isDirect, runDirect } from "./direct.ts";
import { elementId, elementsOf, footprintOf, setsOf } from "./elements.ts";
import { parseListing, type Listing } from "./listing.ts";
import type { Nft, NftResult } from "./nft.ts";
import { resourcesOf } from "./strays.ts";
import {
  inverse,
  isEmpty,
  remaining,
  sameTransaction,
  scriptOf,
  thoroughTransactionOf,
  transactionOf,
  type Transaction,
} from "./transaction.ts";

/** What this process knows of the base: nothing yet, that it is there, that there is none, or that it was altered. */
type Base = "unknown" | "there" | "wanting" | "altered";

/** The firewall kinds as elements of one table of nftables, `inet <mark>`, and guards of another, `bridge <mark>`. */
export class NftablesBackend implements Backend {
  readonly #nft: Nft;
  readonly #home: Home;
  readonly #table: string;
  readonly #context: HandlerContext;
  #base: Base = "unknown";
  #foundNothing = false;
  /** The table as it was read, until it was searched for strays. */
  #last: { readonly generation: number; readonly listing: Listing | undefined } | undefined;

  constructor(nft: Nft, home: Home, context: HandlerContext) {
    this.#nft = nft;
    this.#home = home;
    this.#context = context;
    this.#table = context.mark;
  }

  get foundNothing(): boolean {
    return this.#foundNothing;
  }

  async apply(changes: readonly Change[]): Promise<Undo> {
    this.#foundNothing = false;
    // A change in place says what shall be, not what is: the table has to be read for it.
    const done = changes.some(({ op }) => op === "replace")
      ? await this.#settle((listing) => thoroughTransactionOf(changes, listing))
      : await this.#commit(transactionOf(changes));
    return async () => {
      await this.#commit(inverse(done));
    };
  }

  async read(resources: readonly Resource[]): Promise<Reading[]> {
    const listing = await this.#look();
    if (listing === undefined) this.#base = "wanting";
    else if (listing.faults.length > 0) this.#base = "altered";
    return resources.map((resource) => readOne(resource, listing));
  }

  async strays(known: ReadonlySet<ResourceKey>): Promise<Resource[]> {
    const listing = await this.#look();
    this.#last = undefined;
    return resourcesOf(listing?.elements.values() ?? []).filter((resource) => !known.has(keyOf(resource)));
  }

  toShell(changes: readonly Change[]): string[] {
    const transaction = transactionOf(changes);
    if (isEmpty(transaction)) return [];
    const elements = scriptOf(this.#table, transaction, "add");
    const base = declareBase(this.#table, setsOf(transaction.creates));
    const script = transaction.creates.length === 0 ? elements : `${base}\n${elements}`;
    return ["nft -f - <<'EOF'", ...script.split("\n"), "EOF"];
  }

  async isThere(): Promise<boolean> {
    return (await this.#tables()).size > 0;
  }

  /** The families of the instance's tables. */
  async #tables(): Promise<ReadonlySet<string>> {
    const tables = await this.#nftTimed("nft: list tables", "list tables", true);
    if (tables.code !== 0) throw refused(tables);
    const { nftables } = JSON.parse(tables.output) as {
      nftables: readonly { table?: { family: string; name: string } }[];
    };
    const own = nftables.flatMap(({ table }) => (table?.name === this.#table ? [table.family] : []));
    return new Set(own.filter((family) => family === "inet" || family === "bridge"));
  }

  /** Carry out a transaction as if the table were as supposed, and look only when it isn't. Returns what was done. */
  async #commit(wanted: Transaction): Promise<Transaction> {
    if (isEmpty(wanted) && !this.#faulty) return wanted;
    // What was altered is to be read: what there is says what must be mended.
    if (this.#base === "altered" || (wanted.creates.length === 0 && this.#faulty)) return this.#settle(() => wanted);
    const result = await this.#run(wanted, this.#base);
    if (result.code !== 0) return this.#settle(() => wanted, result);
    await this.#finish(wanted);
    return wanted;
  }

  /** Read the table, and carry out what it lacks. */
  async #settle(wish: (listing: Listing | undefined) => Transaction, failure?: NftResult): Promise<Transaction> {
    const listing = await this.#list();
    const wanted = wish(listing);
    const rest = remaining(wanted, listing ?? { elements: new Map() });
    if (isEmpty(rest) && (listing === undefined ? wanted.creates.length === 0 : !this.#faulty)) {
      // Whoever removed the elements may have died before the table went.
      if (listing !== undefined) await this.#dropIfLast(wanted);
      return rest;
    }
    const base = listing?.current === true && !this.#faulty ? "there" : "wanting";
    if (failure !== undefined && base === "there" && sameTransaction(rest, wanted)) throw refused(failure);
    const result = await this.#run(rest, base, listing);
    if (result.code !== 0) throw refused(result);
    await this.#finish(wanted);
    return rest;
  }

  get #faulty(): boolean {
    return this.#base === "wanting" || this.#base === "altered";
  }

  async #run(transaction: Transaction, base: Base, listing?: Listing): Promise<NftResult> {
    const what = `nft: ${transaction.creates.length + transaction.deletes.length} elements`;
    if (base === "there" && isDirect(transaction)) {
      return this.#timed(what, () => runDirect(this.#home.socket, this.#table, transaction));
    }
    if (base === "wanting" && (listing?.elements.size ?? 0) === 0) this.#foundNothing = true;
    const used = setsOf([...transaction.creates, ...(listing?.elements.values() ?? [])]);
    return this.#nftTimed(what, `${this.#head(base, used)}\n${scriptOf(this.#table, transaction)}\n`);
  }

  #head(base: Base, used: ReadonlySet<SetName>): string {
    if (base === "there") return declareUsed(this.#table, used);
    if (base === "unknown") return `${assertBase(this.#table)}\n${declareUsed(this.#table, used)}`;
    return declareBase(this.#table, used);
  }

  /** After success: the base is there. When a network went, the table goes with the last one; the kernel sees to that. */
  async #finish(done: Transaction): Promise<void> {
    this.#base = "there";
    await this.#dropIfLast(done);
  }

  async #dropIfLast({ deletes }: Transaction): Promise<void> {
    const gone = setsOf(deletes);
    if ([...gone].some((set) => /^(inward|outward|untracked|guarded)/.test(set))) {
      if (await this.#dropIfUnused("nft: drop the table if it is empty", dropTable(this.#table)))
        this.#base = "wanting";
    }
    for (const set of demanding) {
      if (!gone.has(set) || (this.#base === "wanting" && tableOf(set) === "inet")) continue;
      await this.#dropIfUnused(`nft: drop what is for ${set} alone`, dropUnused(this.#table, set));
    }
  }

  /** @returns whether it is gone; false: another network holds a chain */
  async #dropIfUnused(what: string, script: string): Promise<boolean> {
    const result = await this.#nftTimed(what, script);
    if (result.code !== 0 && /busy/i.test(result.error)) return false;
    // Somebody else was quicker.
    if (result.code !== 0 && !/no such file/i.test(result.error)) throw refused(result);
    return true;
  }

  /** The table, listed anew only when some table has changed since: whoever compares everything asks twice. */
  async #look(): Promise<Listing | undefined> {
    const generation = nftGeneration(this.#home.socket);
    if (this.#last?.generation !== generation) this.#last = { generation, listing: await this.#list() };
    return this.#last.listing;
  }

  async #list(): Promise<Listing | undefined> {
    const families = await this.#tables();
    if (families.size === 0) return undefined;
    const outputs: string[] = [];
    for (const family of families) {
      const result = await this.#nftTimed("nft: list the table", `list table ${family} ${this.#table}`, true);
      if (result.code !== 0) throw refused(result);
      outputs.push(result.output);
    }
    return parseListing(outputs);
  }

  #nftTimed(what: string, script: string, json = false): Promise<NftResult> {
    return this.#timed(what, () => this.#nft.run(script, json));
  }

  async #timed(what: string, work: () => NftResult | Promise<NftResult>): Promise<NftResult> {
    const { onRequest } = this.#context;
    if (onRequest === undefined) return await work();
    const start = performance.now();
    const result = await work();
    onRequest(what, performance.now() - start);
    return result;
  }
}

function readOne(resource: Resource, listing: Listing | undefined): Reading {
  if (listing === undefined) return { state: "missing" };
  const firewall = firewallResource(resource);
  const wanted = new Map(elementsOf(firewall).map((element) => [elementId(element), element]));
  const differences: Difference[] = listing.faults.map((found) => ({ field: "ruleset", wanted: "as declared", found }));
  let missing = 0;
  for (const [id, { data }] of wanted) {
    const present = listing.elements.get(id);
    if (present === undefined) missing += 1;
    else if (present.data === data) continue;
    differences.push({ field: id, wanted: data ?? "present", found: present?.data ?? "absent" });
  }
  for (const id of footprintOf(firewall, listing.parts).map(elementId)) {
    if (!wanted.has(id) && listing.elements.has(id)) {
      differences.push({ field: id, wanted: "absent", found: listing.elements.get(id)?.data ?? "present" });
    }
  }
  if (missing === wanted.size) return { state: "missing" };
  return differences.length === 0 ? { state: "same" } : { state: "different", differences };
}

function refused({ error, code }: NftResult): NetkitError {
  const text = error.trim() || `nft ended with status ${code}`;
  if (/not permitted/.test(text)) {
    return new NetkitError("PERMISSION", "nftables needs root (CAP_NET_ADMIN)", { details: { nft: text } });
  }
  return new NetkitError("FIREWALL", `nftables refused the change: ${text.split("\n")[0] ?? ""}`, {
    hint: /no such file/i.test(text)
      ? "Nothing was changed. Somebody has taken something of netkit's away: 'netkit doctor --repair' mends it."
      : "Nothing was changed. 'nft list ruleset' shows what is there.",
    details: { nft: text },
  });
}
