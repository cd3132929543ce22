import {
  keyOf,
  NetkitError,
  sameData,
  type Change,
  type HandlerContext,
  type Reading,
  type Resource,
  type ResourceKey,
  type Undo,
} from "@netkit/core";
import { firewallResource, type Backend } from "../backend.ts";
import type { Home } from "../home.ts";
import { elementId, elementsOf, type Element } from "../nftables/elements.ts";
import { remaining } from "../nftables/transaction.ts";
import type { Outcome } from "../program.ts";
import { prefixOf, type Version } from "./chains.ts";
import { isRuled, type RuledResource } from "./ruled.ts";
import { faultsOf, parseListing, resourcesIn, type Listing } from "./listing.ts";
import { exclusively } from "./lock.ts";
import type { Iptables } from "./programs.ts";
import { renderAll, shellCommands } from "./script.ts";

type Resources = Map<ResourceKey, RuledResource>;
type Listings = ReadonlyMap<Version, Listing>;

const versions: readonly Version[] = [4, 6];

/**
 * The firewall kinds as rules of own chains, `<MARK>-...`, of iptables and ip6tables. The rules themselves say what there
 * is: each change reads them, and renders all chains anew in one restore for each family.
 */
export class IptablesBackend implements Backend {
  readonly #iptables: Iptables;
  readonly #home: Home;
  readonly #context: HandlerContext;
  readonly #prefix: string;
  #foundNothing = false;

  constructor(iptables: Iptables, home: Home, context: HandlerContext) {
    this.#iptables = iptables;
    this.#home = home;
    this.#context = context;
    this.#prefix = prefixOf(context.mark);
  }

  get foundNothing(): boolean {
    return this.#foundNothing;
  }

  apply(all: readonly Change[]): Promise<Undo> {
    const changes = all.filter(({ resource }) => isRuled(resource));
    if (changes.length === 0) return Promise.resolve(() => Promise.resolve());
    return exclusively(this.#home, async () => {
      const listings = await this.#list();
      const before = resourcesIn(listings.values());
      const after = changed(before, changes);
      await this.#write(listings, before, after);
      this.#foundNothing = before.size === 0 && after.size > 0;
      return () => this.#restore(new Map(changes.map(({ key }) => [key, before.get(key)])));
    });
  }

  async read(resources: readonly Resource[]): Promise<Reading[]> {
    const listings = await this.#list();
    const present = resourcesIn(listings.values());
    const differences = this.#faults(listings, present).map((found) => ({
      field: "ruleset",
      wanted: "as declared",
      found,
    }));
    return resources.map((resource): Reading => {
      if (!isRuled(resource)) return { state: "same" };
      const is = present.get(keyOf(resource));
      if (is === undefined) return { state: "missing" };
      const other = sameData(is, resource) ? [] : [{ field: "resource", wanted: resource, found: is }];
      const all = [...differences, ...other];
      return all.length === 0 ? { state: "same" } : { state: "different", differences: all };
    });
  }

  async strays(known: ReadonlySet<ResourceKey>): Promise<Resource[]> {
    const present = resourcesIn((await this.#list()).values());
    return [...present].filter(([key]) => !known.has(key)).map(([, resource]) => resource);
  }

  toShell(changes: readonly Change[]): string[] {
    return shellCommands(
      this.#prefix,
      changes.filter(({ resource }) => isRuled(resource) && resource.ensure !== "exists"),
    );
  }

  async isThere(): Promise<boolean> {
    return resourcesIn((await this.#list()).values()).size > 0;
  }

  /** Removes all chains of the instance. */
  clear(): Promise<void> {
    return exclusively(this.#home, async () => {
      const listings = await this.#list();
      await this.#write(listings, resourcesIn(listings.values()), new Map());
    });
  }

  /** Give the resources of an undone run back what they were. */
  #restore(touched: ReadonlyMap<ResourceKey, RuledResource | undefined>): Promise<void> {
    return exclusively(this.#home, async () => {
      const listings = await this.#list();
      const before = resourcesIn(listings.values());
      const after = new Map(before);
      for (const [key, resource] of touched) {
        if (resource === undefined) after.delete(key);
        else after.set(key, resource);
      }
      await this.#write(listings, before, after);
    });
  }

  /** A restore commits table by table: when one fails, those before it and the other family are put back. */
  async #write(listings: Listings, before: Resources, after: Resources): Promise<void> {
    if (this.#faults(listings, after).length === 0) return;
    try {
      for (const version of versions) await this.#render(version, after, listings.get(version));
    } catch (error) {
      const now = await this.#list();
      for (const version of versions) await this.#render(version, before, now.get(version));
      throw error;
    }
  }

  async #render(version: Version, resources: Resources, listing: Listing = nothing): Promise<void> {
    const ordered = [...resources].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, resource]) => resource);
    const input = renderAll(this.#prefix, version, ordered, listing);
    if (input === "") return;
    const result = await this.#timed(`${nameOf(version)}-restore`, () => this.#iptables.restore(version, input));
    if (result.code !== 0) throw refused(version, result);
  }

  #faults(listings: Listings, resources: Resources): string[] {
    return versions.flatMap((version) => faultsOf(listings.get(version) ?? nothing, this.#prefix, version, resources));
  }

  async #list(): Promise<Listings> {
    const listings = await Promise.all(
      versions.map(async (version): Promise<[Version, Listing]> => {
        const result = await this.#timed(`${nameOf(version)}-save`, () => this.#iptables.save(version));
        if (result.code !== 0) throw refused(version, result);
        return [version, parseListing(result.output, this.#prefix, version)];
      }),
    );
    return new Map(listings);
  }

  async #timed(what: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const { onRequest } = this.#context;
    if (onRequest === undefined) return await work();
    const start = performance.now();
    const outcome = await work();
    onRequest(what, performance.now() - start);
    return outcome;
  }
}

const nothing: Listing = { chains: new Map(), hooked: new Set() };

/** What there is after the changes. @throws NetkitError PORT_TAKEN or RESOURCE_CONFLICT */
function changed(before: Resources, changes: readonly Change[]): Resources {
  const after = new Map(before);
  const [deletes, creates]: [Element[], Element[]] = [[], []];
  for (const change of changes) {
    if (change.resource.ensure === "exists") continue;
    const resource = firewallResource(change.resource);
    if (!isRuled(resource)) continue;
    const previous = change.op === "create" ? undefined : before.get(change.key);
    if (previous !== undefined) deletes.push(...elementsOf(previous));
    if (change.op !== "create") after.delete(change.key);
    if (change.op === "remove") continue;
    creates.push(...elementsOf(resource));
    after.set(change.key, resource);
  }
  // The conflicts are those of the nftables backend, where they are a matter of set elements.
  const present = [...before.values()].flatMap(elementsOf);
  remaining({ deletes, creates }, { elements: new Map(present.map((element) => [elementId(element), element])) });
  return after;
}

function nameOf(version: Version): string {
  return version === 4 ? "iptables" : "ip6tables";
}

function refused(version: Version, { code, error }: Outcome): NetkitError {
  const text = error.trim() || `status ${code}`;
  if (/permission denied|must be root/i.test(text)) {
    return new NetkitError("PERMISSION", `${nameOf(version)} needs root (CAP_NET_ADMIN)`, { details: { error: text } });
  }
  return new NetkitError("FIREWALL", `${nameOf(version)} refused the change: ${text.split("\n")[0] ?? ""}`, {
    hint: `Nothing was changed. '${nameOf(version)}-save' shows what is there.`,
    details: { error: text },
  });
}
