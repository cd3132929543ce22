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
import { Home } from "./home.ts";
import { IptablesBackend } from "./iptables/backend.ts";
import { openIptables } from "./iptables/programs.ts";
import { NftablesBackend } from "./nftables/backend.ts";
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

/** The handler of the firewall kinds. */
export interface Firewall extends ResourceHandler {
  /** Looks for it if need be. @throws NetkitError TOOL_MISSING */
  backend(): FirewallInUse;
}

/**
 * The handler of `isolation`, `masquerade` and `publish`, for the network namespace that the thread is in now.
 * Libraries and programs are looked for at the first use: it throws TOOL_MISSING when there are none.
 * With the backend "none" nothing is applied, and everything reads as it should be.
 */
export function firewallHandler(context: HandlerContext, options: FirewallOptions): Firewall {
  return options.backend === "none" ? inert : new FirewallHandler(context, options.backend);
}

interface Opened {
  readonly backend: Backend;
  readonly name: FirewallInUse;
}

class FirewallHandler implements Firewall {
  readonly kinds: ReadonlySet<Resource["kind"]> = firewallKinds;
  readonly #context: HandlerContext;
  readonly #choice: Exclude<FirewallBackend, "none">;
  readonly #home = new Home();
  readonly #conntrack = new Conntrack(this.#home);
  #opened: Opened | undefined;

  constructor(context: HandlerContext, choice: Exclude<FirewallBackend, "none">) {
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
    this.#backend();
    return this.#opened?.name ?? "none";
  }

  close(): void {
    this.#opened?.backend.close();
    this.#home.close();
  }

  #backend(): Backend {
    return (this.#opened ??= this.#open()).backend;
  }

  #open(): Opened {
    const home = this.#home;
    if (this.#choice !== "iptables") {
      const nft = (found: Nft): Backend => new NftablesBackend(interposed(found), home, this.#context);
      const library = process.env["NETKIT_NFT"] === "exec" ? undefined : openLibrary(home);
      if (library !== undefined) return { backend: nft(library), name: "nftables (libnftables)" };
      const program = openProgram(home);
      if (program !== undefined) return { backend: nft(program), name: "nftables (nft)" };
    }
    const iptables = this.#choice === "nftables" ? undefined : openIptables(home);
    if (iptables !== undefined) {
      return { backend: new IptablesBackend(iptables, home, this.#context), name: "iptables" };
    }
    throw missing(this.#choice === "iptables" ? "iptables" : "nftables");
  }
}

function missing(tool: "nftables" | "iptables"): NetkitError {
  return new NetkitError("TOOL_MISSING", `${tool} is not installed`, {
    hint: `apt-get install ${tool}`,
    details: { package: tool },
  });
}

const inert: Firewall = {
  kinds: firewallKinds,
  apply: () => Promise.resolve(() => Promise.resolve()),
  read: (resources) => Promise.resolve(resources.map(() => ({ state: "same" }))),
  strays: () => Promise.resolve([]),
  toShell: () => [],
  backend: () => "none",
  close() {},
};
