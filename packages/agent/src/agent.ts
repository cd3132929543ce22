import { dirname, join, resolve } from "node:path";
import {
  defaultRoot,
  isNetkitError,
  NetkitError,
  type Endpoint,
  type EndpointId,
  type Namespace,
  type NamespaceId,
} from "@netkit/core";
import {
  Lock,
  openNetkit,
  type AgentLink,
  type Attending,
  type Following,
  type Netkit,
  type NetkitOptions,
  type RecordChange,
  type Replication,
  type SharingState,
  type Trouble,
} from "@netkit/engine";
import { agentSocket } from "./client.ts";
import { Announcements } from "./announcements.ts";
import { Arrivals } from "./arrivals.ts";
import { Directory } from "./directory.ts";
import { Endings } from "./endings.ts";
import { Events, happeningsOf } from "./events.ts";
import { Footing, isOutOfReach } from "./ground.ts";
import type { Binding } from "./held-port.ts";
import { HostServers } from "./host-servers.ts";
import type { LocalServer } from "./local-server.ts";
import { metricsOf } from "./metrics.ts";
import { NameServers } from "./name-servers.ts";
import { Reservations } from "./reservations.ts";
import { RouteWatch } from "./route-watch.ts";
import { serveApi } from "./server.ts";
import type { Status } from "./status.ts";
import { Troubles } from "./troubles.ts";

export interface AgentOptions extends Omit<NetkitOptions, "agent" | "onTiming"> {
  /** It ends once nothing has needed it for so long, in ms. Absent: it stays until it is told to end. */
  readonly lingerMs?: number;
  /** What {@link Status} tells of the program. */
  readonly version?: string;
  /** What goes wrong while it runs, for its log. */
  readonly onError?: (error: NetkitError) => void;
  /** Other engines' protocols that it answers, by name (`POST /v1/runtimes/{runtime}`). */
  readonly runtimes?: Readonly<Record<string, Runtime>>;
}

/** Answers one call of another engine's protocol: text in, text out. */
export type Runtime = (netkit: Netkit, call: string) => Promise<string>;

/** Changes that nobody has told of (a library that knows no agent) are seen after so long. */
const lookEveryMs = 1_000;

/**
 * The long-running part of an instance: serves names in its sandboxes, holds its published ports, removes sandboxes whose
 * process has ended and tells what happens. One runs for each root; sandboxes work on without it, but for names.
 * @throws NetkitError AGENT_RUNNING, and what opening the instance throws
 */
export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  const root = resolve(options.root ?? defaultRoot);
  let agent: Agent | undefined;
  const itself: AgentLink = {
    changed: async () => void (await agent?.settle()),
    serves: async () => true,
    share: async () => await agent?.share(),
    sharing: async () => agent?.sharing,
    troubles: async () => agent?.troubles,
  };
  const netkit = await openNetkit({ ...options, root, agent: itself });
  const lock = new Lock(join(root, "agent.lock"));
  let held: Disposable | undefined;
  const release = async (): Promise<void> => {
    held?.[Symbol.dispose]();
    lock.close();
    await netkit.close();
  };
  try {
    held = await lock.acquire(undefined, 0).catch((error: unknown) => {
      throw isNetkitError(error) && error.code === "LOCKED" ? running(root) : error;
    });
    const changes: RecordChange[] = [];
    const following = await netkit.follow((change) => changes.push(change));
    const lockFile = new Footing(join(root, "agent.lock"));
    agent = new Agent({ netkit, following, changes, options, lockFile, release });
    await agent.open();
    return agent;
  } catch (error) {
    await (agent === undefined ? release() : agent.close());
    throw error;
  }
}

function running(root: string): NetkitError {
  return new NetkitError("AGENT_RUNNING", `an agent of ${root} runs already`, {
    hint: "See 'netkit agent status'; 'netkit agent stop' ends it.",
    details: { root },
  });
}

interface Parts {
  readonly netkit: Netkit;
  readonly following: Following;
  readonly changes: RecordChange[];
  readonly options: AgentOptions;
  /** Where it is gone, so is the root, or another agent may run. */
  readonly lockFile: Footing;
  /** Gives up the instance and the lock. */
  readonly release: () => Promise<void>;
}

export class Agent implements AsyncDisposable {
  readonly netkit: Netkit;
  readonly events: Events = new Events();
  /** What else it is to others on the host, by name: an engine that is served by sockets of that engine's own. */
  readonly engines: Set<string> = new Set();
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  readonly #options: AgentOptions;
  readonly #started = Date.now();
  readonly #end: () => void;
  readonly #release: () => Promise<void>;
  readonly #following: Following;
  /** What {@link Following} has reported and nobody has looked at yet. */
  readonly #changes: RecordChange[];
  readonly #directory: Directory;
  readonly #nameServers: NameServers;
  readonly #reservations: Reservations;
  readonly #announcements: Announcements;
  readonly #arrivals: Arrivals;
  readonly #endings: Endings;
  readonly #troubles: Troubles;
  readonly #lockFile: Footing;
  #routes: RouteWatch | undefined;
  #replication: Replication | undefined;
  #attending: Attending | undefined;
  #api: LocalServer | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #look: NodeJS.Timeout | undefined;
  #looking = false;
  #idleSince: number | undefined;
  #closing: Promise<void> | undefined;

  /** Use {@link startAgent}. */
  constructor({ netkit, following, changes, options, lockFile, release }: Parts) {
    this.netkit = netkit;
    this.#following = following;
    this.#changes = changes;
    this.#options = options;
    this.#release = release;
    this.#lockFile = lockFile;
    this.#troubles = new Troubles(this.events, options.onError);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    const { records } = following;
    this.#directory = new Directory(records, () => (following.isUpToDate() ? undefined : this.settle()));
    this.#endings = new Endings(netkit, records, this.events, this.#troubles);
    this.#reservations = new Reservations(records, (...what) => this.#unserved(...what));
    this.#announcements = new Announcements(records);
    this.#arrivals = new Arrivals(async () => await this.#troubles.attempt("look", async () => await this.settle()));
    this.#nameServers = new NameServers(records, this.#directory, new HostServers(), (namespace, error) => {
      this.#degraded(namespace, error);
    });
  }

  /** Serves everything that there is, then listens. What was there before it is no news. */
  async open(): Promise<void> {
    const present = this.#changes.splice(0);
    await this.#apply(present);
    this.#watchProcesses(present);
    this.events.emit({ type: "agent", action: "start", id: String(process.pid), name: "agent", attributes: {} });
    this.#replication = await this.netkit.replicate((error) => this.#troubles.report(error));
    this.#attending = await this.netkit.attend((error) => this.#troubles.report(error));
    this.#attending.settle(this.#following.records.networks.values());
    this.#routes = new RouteWatch(this.netkit, this.events, (error) => this.#troubles.report(error));
    this.#api = await serveApi(agentSocket(this.netkit.instance.root), this);
    this.#look = setInterval(() => void this.#lookAround(), lookEveryMs);
  }

  /** Takes in and serves all that was committed before the call; the revision that this came up to. */
  async settle(): Promise<number> {
    const next = this.#turn.then(async () => {
      const revision = await this.#following.catchUp();
      const changes = this.#changes.splice(0);
      await this.#apply(changes);
      for (const happening of happeningsOf(changes, this.#following.records)) this.events.emit(happening);
      this.#watchProcesses(changes);
      return revision;
    });
    this.#turn = next.catch(() => {});
    return await next;
  }

  /** Serves names in a namespace that will have some. Whether it does. */
  async expect(namespace: NamespaceId): Promise<boolean> {
    // Mostly it is known already, and all that is new can wait until the change has come.
    if (!this.#following.records.namespaces.has(namespace)) await this.settle();
    return this.#nameServers.expect(namespace);
  }

  /**
   * Sees that this host has a lease in the store that hosts share, and has taken in what others wrote there.
   * @throws NetkitError STORE_UNAVAILABLE; AGENT_UNAVAILABLE: this agent knows of no such store
   */
  async share(): Promise<void> {
    if (this.#replication !== undefined) return await this.#replication.ready();
    throw new NetkitError("AGENT_UNAVAILABLE", "the agent was started without the store that hosts share", {
      hint: "End it (netkit agent stop); the next command that needs one starts it with the store.",
    });
  }

  /** How it stands with the store that hosts share; undefined: it knows of none. */
  get sharing(): SharingState | undefined {
    return this.#replication?.state((endpoint) => this.#following.records.endpoints.has(endpoint));
  }

  /** What is wrong with networks that others know of, or have a say in, for as long as it is. */
  get troubles(): readonly Trouble[] {
    return [...(this.sharing?.troubles ?? []), ...(this.#attending?.troubles ?? [])];
  }

  /** @throws NetkitError UNSUPPORTED: it was started without that one */
  async callRuntime(name: string, call: string): Promise<string> {
    const { runtimes = {} } = this.#options;
    const runtime = Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
    if (runtime !== undefined) return await runtime(this.netkit, call);
    throw new NetkitError("UNSUPPORTED", `this agent speaks no protocol '${name}'`, {
      hint: `It speaks ${Object.keys(runtimes).join(", ") || "none"}; one of another version may be running.`,
    });
  }

  status(): Status {
    const { records } = this.#following;
    const { sharing } = this;
    const file = this.#replication?.file;
    const troubles = file?.troubles.map(({ message }) => message) ?? [];
    return {
      version: this.#options.version ?? "",
      pid: process.pid,
      root: this.netkit.instance.root,
      started: new Date(this.#started).toISOString(),
      stays: this.#options.lingerMs === undefined,
      engines: [...this.engines],
      networks: records.networks.size,
      sandboxes: records.sandboxes.size,
      endpoints: records.endpoints.size,
      nameServers: this.#nameServers.size,
      reservedPorts: this.#reservations.size,
      watchedProcesses: this.#endings.watched,
      overlaps: this.#routes?.size ?? 0,
      listeners: this.events.listeners,
      shares: this.#replication !== undefined,
      holdsLease: sharing?.holdsLease ?? false,
      ...(sharing?.away === undefined ? {} : { storeAway: sharing.away }),
      troubles: this.troubles,
      ...(file === undefined ? {} : { peersFile: { path: file.path, troubles } }),
    };
  }

  /** Prometheus' text format. */
  metrics(): string {
    return metricsOf(this.status(), this.#nameServers.stats, this.events.total);
  }

  async close(): Promise<void> {
    await (this.#closing ??= this.#close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#look);
    this.events.emit({ type: "agent", action: "stop", id: String(process.pid), name: "agent", attributes: {} });
    // Whoever comes from now on finds nobody, and starts another one, which waits for the lock.
    await this.#api?.close();
    await this.#replication?.close();
    await this.#attending?.close();
    await this.#turn;
    await this.#routes?.close();
    await this.#arrivals.close();
    this.#endings.close();
    this.#reservations.close();
    this.#announcements.close();
    await this.#nameServers.close();
    await this.#release();
    this.#end();
  }

  async #apply(changes: readonly RecordChange[]): Promise<void> {
    const namespaces = new Set<NamespaceId>();
    const endpoints = new Set<EndpointId>();
    for (const change of changes) {
      this.#directory.note(change);
      this.#announcements.note(change);
      for (const namespace of namespacesOf(change)) namespaces.add(namespace);
      if (change.type === "endpoint")
        for (const endpoint of [change.now, change.before]) if (endpoint !== undefined) endpoints.add(endpoint.id);
    }
    if (changes.some(({ type }) => type === "network"))
      this.#attending?.settle(this.#following.records.networks.values());
    this.#directory.settle();
    this.#reservations.settle(endpoints);
    await this.#nameServers.settle(namespaces);
    this.#arrivals.await(this.#nameServers.areAwaited);
  }

  #watchProcesses(changes: readonly RecordChange[]): void {
    for (const { type, now, before } of changes) {
      if (type !== "sandbox") continue;
      if (now !== undefined) this.#endings.watch(now);
      else if (before !== undefined) this.#endings.forget(before.id);
    }
  }

  async #lookAround(): Promise<void> {
    if (this.#looking || this.#closing !== undefined) return;
    this.#looking = true;
    try {
      if (!this.#lockFile.holds) return this.#endWithoutRoot();
      await this.#troubles.attempt("look", async () => await this.settle());
      await this.#troubles.attempt("watch", async () => this.#endings.look());
      this.#endings.again();
      await this.#troubles.attempt("leave", async () => await this.#nameServers.leaveGone());
      await this.#troubles.attempt("listen", async () => await this.#listenAgain());
      this.#endIfIdle();
    } finally {
      this.#looking = false;
    }
  }

  /** Another root at the same path has an agent of its own. */
  #endWithoutRoot(): void {
    const { root } = this.netkit.instance;
    const error = new NetkitError("AGENT_UNAVAILABLE", `the agent ends: its state directory ${root} is gone`, {
      hint: "The next command that needs an agent starts another one.",
      details: { root },
    });
    this.#troubles.report(error);
    void this.close();
  }

  /** Somebody has cleaned up /run, or mounted something over it. */
  async #listenAgain(): Promise<void> {
    if (this.#closing !== undefined || this.#api?.isThere !== false) return;
    const before = this.#api;
    const next = await serveApi(agentSocket(this.netkit.instance.root), this);
    if (this.#closing !== undefined) return await next.close();
    this.#api = next;
    before.leave();
  }

  get #needed(): boolean {
    const serves = this.#nameServers.size > 0 || this.#reservations.needed || this.events.listeners > 0;
    const follows = this.#replication !== undefined || (this.#attending?.size ?? 0) > 0;
    return serves || follows || this.#endings.needed || this.#announcements.needed;
  }

  /** Nobody can ask it, and nobody is in the namespaces that it serves, but those of strangers. */
  get #isOutOfReach(): boolean {
    if (!isOutOfReach(dirname(agentSocket(this.netkit.instance.root)))) return false;
    return this.#following.records.namespaces.values().every(({ owner }) => owner !== "stranger");
  }

  #endIfIdle(): void {
    const { lingerMs } = this.#options;
    if (lingerMs === undefined || (this.#needed && !this.#isOutOfReach)) {
      this.#idleSince = undefined;
      return;
    }
    this.#idleSince ??= performance.now();
    if (performance.now() - this.#idleSince >= lingerMs) void this.close();
  }

  #degraded({ members: [holder] }: Namespace, error: NetkitError): void {
    const name = holder === undefined ? undefined : this.#following.records.sandboxes.get(holder)?.name;
    const attributes = { message: error.message };
    this.events.emit({ type: "sandbox", action: "degraded", id: holder ?? "", name: name ?? "", attributes });
    this.#troubles.log(error);
  }

  /** A port that only the agent can serve is taken. */
  #unserved(endpoint: Endpoint, binding: Binding, cause: unknown): void {
    const sandbox = this.#following.records.sandboxes.get(endpoint.sandbox)?.name ?? endpoint.sandbox;
    const network = this.#following.records.networks.get(endpoint.network)?.name ?? endpoint.network;
    const error = unserved(`${sandbox}@${network}`, binding, cause);
    const attributes = { sandbox, network, message: error.message };
    this.events.emit({ type: "port", action: "degraded", id: endpoint.id, name: `${sandbox}@${network}`, attributes });
    this.#troubles.log(error);
  }
}

function unserved(who: string, { protocol, port }: Binding, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NetkitError("AGENT_DEGRADED", `port [::1]:${port}/${protocol} of ${who} isn't served: ${why}`, {
    hint: "See who has it: ss -lntup. The port is served once they are gone.",
    details: { protocol, port },
    cause,
  });
}

/** The namespaces in which a changed record may call for something else to be served. */
function namespacesOf({ type, now, before }: RecordChange): NamespaceId[] {
  if (type === "network" || type === "remote") return [];
  return [now, before].flatMap((record) => {
    if (record === undefined) return [];
    return "namespace" in record ? [record.namespace] : [record.id];
  });
}
