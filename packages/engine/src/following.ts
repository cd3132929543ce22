import type {
  Endpoint,
  EndpointId,
  Namespace,
  NamespaceId,
  Network,
  NetworkId,
  RemoteEndpoint,
  Sandbox,
  SandboxId,
  Store,
} from "@netkit/core";
import type { Following, RecordChange, Records } from "./api.ts";

/** The prefix that each type of record has its keys under. */
const prefixes = {
  network: "network/",
  sandbox: "sandbox/",
  namespace: "namespace/",
  endpoint: "endpoint/",
  remote: "remote/",
} as const;
const types = Object.keys(prefixes) as RecordChange["type"][];

/** Reads all records, and from then on what has changed, each time that it is asked to. */
export async function follow(store: Store, onChange: (change: RecordChange) => void): Promise<Following> {
  const following = new StoreFollowing(store, onChange);
  await following.catchUp();
  return following;
}

class StoreFollowing implements Following, Records {
  readonly networks: Map<NetworkId, Network> = new Map();
  readonly sandboxes: Map<SandboxId, Sandbox> = new Map();
  readonly namespaces: Map<NamespaceId, Namespace> = new Map();
  readonly endpoints: Map<EndpointId, Endpoint> = new Map();
  readonly remotes: Map<string, RemoteEndpoint> = new Map();
  readonly #store: Store;
  readonly #onChange: (change: RecordChange) => void;
  readonly #tables: Readonly<Record<RecordChange["type"], Map<string, unknown>>> = {
    network: this.networks,
    sandbox: this.sandboxes,
    namespace: this.namespaces,
    endpoint: this.endpoints,
    remote: this.remotes,
  };
  #revision = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: Store, onChange: (change: RecordChange) => void) {
    this.#store = store;
    this.#onChange = onChange;
  }

  get records(): Records {
    return this;
  }

  async catchUp(): Promise<number> {
    // One after the other: a call during another one must see what was committed after that one had read.
    const next = this.#turn.then(async () => await this.#read());
    this.#turn = next.catch(() => {});
    return await next;
  }

  isUpToDate(): boolean {
    return this.#store.isAt?.(this.#revision) === true;
  }

  async #read(): Promise<number> {
    const { events, revision } = await this.#store.changes("", this.#revision);
    for (const event of events) {
      if (event.type === "resync") await this.#readAll();
      else if (typeOf(event.key) !== undefined) this.#note(event.key, event.type === "put" ? event.value : undefined);
    }
    return (this.#revision = revision);
  }

  /** The store has forgotten what happened in between. What is newer than this reading comes again. */
  async #readAll(): Promise<void> {
    for (const type of types) {
      const entries = await this.#store.range(prefixes[type]);
      const present = new Set(entries.map(({ key }) => key));
      for (const id of this.#tables[type].keys())
        if (!present.has(prefixes[type] + id)) this.#note(prefixes[type] + id, undefined);
      for (const { key, value } of entries) this.#note(key, value);
    }
  }

  #note(key: string, now: unknown): void {
    const type = typeOf(key);
    if (type === undefined) return;
    const table = this.#tables[type];
    const id = key.slice(prefixes[type].length);
    const before = table.get(id);
    if (now === undefined) table.delete(id);
    else table.set(id, now);
    if (now !== undefined || before !== undefined) this.#onChange({ type, now, before } as RecordChange);
  }
}

function typeOf(key: string): RecordChange["type"] | undefined {
  return types.find((type) => key.startsWith(prefixes[type]));
}
