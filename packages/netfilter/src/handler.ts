import {
  NetkitError,
  type Change,
  type HandlerContext,
  type Resource,
  type ResourceHandler,
  type Undo,
} from "@netkit/core";
import { firewallKinds, type Backend } from "./backend.ts";
import { Conntrack } from "./conntrack.ts";
import type { ForeignDrop, HostTraffic } from "./foreign/foreign.ts";
import { glance } from "./foreign/glance.ts";
import { Home } from "./home.ts";
import { IptablesBackend } from "./iptables/backend.ts";
import { openIptables } from "./iptables/programs.ts";
import { NftablesBackend } from "./nftables/backend.ts";
import { clearNftables } from "./nftables/clear.ts";
import { interposed, type Nft } from "./nftables/nft.ts";
import { openLibrary } from "./nftables/library.ts";
import { openProgram } from "./nftables/program.ts";

/** Which way of programming netfilter; "auto" takes nftables where it is installed, else iptables. */
export type FirewallBackend = "auto" | "nftables" | "iptables" | "none";

export interface FirewallOptions {
  readonly backend: FirewallBackend;
}

/** What programs netfilter, once it is known; see {@link Firewall.backend}. */
export type FirewallInUse = "nftables (libnftables)" | "nftables (nft)" | "iptables" | "none";

/** What resources are applied with. */
export type FirewallKind = Exclude<FirewallBackend, "auto">;

/** The handler of the firewall kinds. */
export interface Firewall extends ResourceHandler {
  /** Looks for it if need be. @throws NetkitError TOOL_MISSING */
  backend(): FirewallInUse;
  /** What {@link backend} is of. @throws NetkitError TOOL_MISSING */
  kind(): FirewallKind;
  /** Whether the last changes found nothing of what earlier ones may have made: these were the first, or somebody flushed it all. */
  foundNothing(): boolean;
  /** Whether anything of this instance is there; with the backend "none" that is as it should be. */
  isThere(): Promise<boolean>;
  /** From now on another one. `auto` takes the preferred one where it is installed. */
  use(backend: FirewallBackend, preferred?: FirewallKind): void;
  /** Removes all that is there of this instance in the tables of one backend, whichever is in use. @throws NetkitError */
  clear(kind: FirewallKind): Promise<void>;
  /** What of other people's rules drops the traffic of links, which are asked for only where there are such rules. */
  foreign(traffic: () => Promise<HostTraffic>): Promise<ForeignDrop[]>;
}

/**
 * The handler of the firewall kinds, for the network namespace that the thread is in now.
 * Libraries and programs are looked for at the first use: it throws TOOL_MISSING when there are none.
 * With the backend "none" nothing is applied, and everything reads as it should be.
 */
export function firewallHandler(context: HandlerContext, options: FirewallOptions): Firewall {
  return new FirewallHandler(context, options.backend);
}

interface Opened {
  readonly backend: Backend;
  readonly kind: FirewallKind;
  readonly name: FirewallInUse;
}

class FirewallHandler implements Firewall {
  readonly kinds: ReadonlySet<Resource["kind"]> = firewallKinds;
  readonly #context: HandlerContext;
  readonly #home = new Home();
  readonly #conntrack = new Conntrack(this.#home);
  #choice: FirewallBackend;
  #preferred: FirewallKind = "nftables";
  #opened: Opened | undefined;
  #found: { readonly nft: Nft; readonly name: FirewallInUse } | undefined;

  constructor(context: HandlerContext, choice: FirewallBackend) {
    this.#context = context;
    this.#choice = choice;
  }

  async apply(changes: readonly Change[]): Promise<Undo> {
    const undo = await this.#backend().apply(changes);
    const takeBack = async (): Promise<void> => {
      await undo();
      this.#conntrack.flush(changes);
    };
    try {
      this.#conntrack.flush(changes);
    } catch (error) {
      await undo();
      throw error;
    }
    return takeBack;
  }

  read(resources: readonly Resource[]): ReturnType<ResourceHandler["read"]> {
    return this.#backend().read(resources);
  }

  strays(known: Parameters<ResourceHandler["strays"]>[0]): Promise<Resource[]> {
    return this.#backend().strays(known);
  }

  toShell(changes: readonly Change[]): string[] {
    return this.#backend().toShell(changes);
  }

  backend(): FirewallInUse {
    return this.#open().name;
  }

  kind(): FirewallKind {
    return this.#open().kind;
  }

  foundNothing(): boolean {
    return this.#backend().foundNothing;
  }

  isThere(): Promise<boolean> {
    return this.#backend().isThere();
  }

  use(backend: FirewallBackend, preferred: FirewallKind = "nftables"): void {
    if (backend === this.#choice && preferred === this.#preferred) return;
    this.#choice = backend;
    this.#preferred = preferred;
    this.#opened = undefined;
  }

  async clear(kind: FirewallKind): Promise<void> {
    if (kind === "nftables") clearNftables(this.#home, this.#context.mark);
    if (kind !== "iptables") return;
    const opened = this.#openIptables();
    if (opened === undefined) throw missing("iptables");
    await opened.backend.clear();
  }

  async foreign(traffic: () => Promise<HostTraffic>): Promise<ForeignDrop[]> {
    const seen = glance(this.#home);
    if (seen.chains.length === 0 && seen.legacy.length === 0) return [];
    // Loaded only on hosts with such rules: every attach of the command comes by here.
    const { foreignDrops } = await import("./foreign/foreign.ts");
    return await foreignDrops(this.#home, this.#nft()?.nft, seen, await traffic());
  }

  close(): void {
    this.#found?.nft.close();
    this.#home.close();
  }

  #backend(): Backend {
    return this.#open().backend;
  }

  #open(): Opened {
    return (this.#opened ??= this.#choose());
  }

  #choose(): Opened {
    const choice = this.#choice;
    if (choice === "none") return { backend: inert, kind: "none", name: "none" };
    const iptablesFirst = choice === "iptables" || (choice === "auto" && this.#preferred === "iptables");
    const first = iptablesFirst ? this.#openIptables() : this.#openNftables();
    const opened =
      first ?? (choice !== "auto" ? undefined : iptablesFirst ? this.#openNftables() : this.#openIptables());
    if (opened === undefined) throw missing(choice === "iptables" ? "iptables" : "nftables");
    return opened;
  }

  #openNftables(): Opened | undefined {
    const found = this.#nft();
    if (found === undefined) return undefined;
    const backend = new NftablesBackend(found.nft, this.#home, this.#context);
    return { backend, kind: "nftables", name: found.name };
  }

  #openIptables(): (Opened & { readonly backend: IptablesBackend }) | undefined {
    const iptables = openIptables(this.#home);
    if (iptables === undefined) return undefined;
    return { backend: new IptablesBackend(iptables, this.#home, this.#context), kind: "iptables", name: "iptables" };
  }

  /** What runs nft's scripts, looked for once. */
  #nft(): { readonly nft: Nft; readonly name: FirewallInUse } | undefined {
    if (this.#found !== undefined) return this.#found;
    const library = process.env["NETKIT_NFT"] === "exec" ? undefined : openLibrary(this.#home);
    const nft = library ?? openProgram(this.#home);
    if (nft === undefined) return undefined;
    return (this.#found = {
      nft: interposed(nft),
      name: library === undefined ? "nftables (nft)" : "nftables (libnftables)",
    });
  }
}

function missing(tool: "nftables" | "iptables"): NetkitError {
  return new NetkitError("TOOL_MISSING", `${tool} is not installed`, {
    hint: `apt-get install ${tool}`,
    details: { package: tool },
  });
}

const inert: Backend = {
  foundNothing: false,
  isThere: () => Promise.resolve(true),
  apply: () => Promise.resolve(() => Promise.resolve()),
  read: (resources) => Promise.resolve(resources.map(() => ({ state: "same" }))),
  strays: () => Promise.resolve([]),
  toShell: () => [],
};
