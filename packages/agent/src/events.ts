import {
  formatHost,
  formatRange,
  ipOf,
  type Endpoint,
  type NetworkId,
  type PublishedPort,
  type SandboxId,
} from "@netkit/core";
import type { RecordChange, Records } from "@netkit/engine";
import type { EventType } from "./event-types.ts";

/** Something that happened, as `netkit events` and the API show it. Every attribute is text. */
export interface AgentEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Counts up from 1 in the life of the agent. */
  readonly number: number;
  readonly type: EventType;
  readonly action: string;
  /** Of the object; of a port that of its endpoint. */
  readonly id: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

type Happening = Omit<AgentEvent, "time" | "number">;
type Listener = (event: AgentEvent) => void;

/** So many events are kept for who comes later. */
const kept = 1_000;

/** What has happened, for everybody who listens. */
export class Events {
  /** Each with what ends it. */
  readonly #listeners = new Map<Listener, () => void>();
  #recent: AgentEvent[] = [];
  #number = 0;

  emit(happening: Happening): void {
    const event: AgentEvent = { time: new Date().toISOString(), number: ++this.#number, ...happening };
    this.#recent.push(event);
    if (this.#recent.length >= 2 * kept) this.#recent = this.#recent.slice(-kept);
    for (const listener of this.#listeners.keys()) listener(event);
  }

  /** Those after a number; undefined: not all of them are still known. */
  after(number: number): readonly AgentEvent[] | undefined {
    const first = this.#recent[0]?.number ?? this.#number + 1;
    return number + 1 < first ? undefined : this.#recent.slice(number + 1 - first);
  }

  /**
   * The number before the first one that is still known of a time or later. After that one the clock may have been set back: who
   * comes back with the time of the last event that they saw misses none.
   */
  before(time: string): number {
    const first = this.#recent.find((event) => event.time >= time);
    return first === undefined ? this.#number : first.number - 1;
  }

  /** @param onEnd called when there will be no more. @returns the way to stop listening */
  listen(listener: Listener, onEnd: () => void): () => void {
    this.#listeners.set(listener, onEnd);
    return () => this.#listeners.delete(listener);
  }

  end(): void {
    for (const onEnd of this.#listeners.values()) onEnd();
    this.#listeners.clear();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  get total(): number {
    return this.#number;
  }
}

/** What a round of changes comes to: what was made from the network inwards, then what was removed from the endpoint outwards. */
export function happeningsOf(changes: readonly RecordChange[], records: Records): Happening[] {
  const named = new Map<string, string>();
  for (const { before } of changes)
    if (before !== undefined && "name" in before) named.set(before.id, before.name ?? "");
  const nameOf = (id: NetworkId | SandboxId): string =>
    records.networks.get(id as NetworkId)?.name ?? records.sandboxes.get(id as SandboxId)?.name ?? named.get(id) ?? id;
  const of = (type: RecordChange["type"]): Happening[] =>
    changes.filter((change) => change.type === type).flatMap((change) => happenings(change, nameOf));
  const all = [...of("network"), ...of("sandbox"), ...of("endpoint")];
  const removal = ({ action }: Happening): boolean => ["remove", "disconnect", "unpublish"].includes(action);
  return [...all.filter((it) => !removal(it)), ...all.filter(removal).toReversed()];
}

type NameOf = (id: NetworkId | SandboxId) => string;

function happenings(change: RecordChange, nameOf: NameOf): Happening[] {
  switch (change.type) {
    case "network": {
      const network = onlyOf(change.now, change.before);
      if (network === undefined) return [];
      const { id, name, labels, driver, scope } = network;
      const action = change.now === undefined ? "remove" : "create";
      return [{ type: "network", action, id, name, attributes: { ...labels, driver, scope } }];
    }
    case "sandbox": {
      const sandbox = change.now ?? change.before;
      if (sandbox === undefined) return [];
      const { id, name, labels, process } = sandbox;
      const about = { type: "sandbox", id, name } as const;
      if (change.now === undefined) return [{ ...about, action: "remove", attributes: labels }];
      const started = process !== undefined && process.startTime !== change.before?.process?.startTime;
      return [
        ...(change.before === undefined ? [{ ...about, action: "create", attributes: labels }] : []),
        ...(started ? [{ ...about, action: "start", attributes: { ...labels, pid: String(process.pid) } }] : []),
      ];
    }
    case "endpoint":
      return endpointHappenings(change.now, change.before, nameOf);
    // Other hosts tell of what is theirs.
    case "remote":
    case "namespace":
      return [];
  }
}

/** A record that was made or removed, not one that was changed. */
function onlyOf<T>(now: T | undefined, before: T | undefined): T | undefined {
  return now !== undefined && before !== undefined ? undefined : (now ?? before);
}

function endpointHappenings(now: Endpoint | undefined, before: Endpoint | undefined, nameOf: NameOf): Happening[] {
  const endpoint = now ?? before;
  if (endpoint === undefined) return [];
  const network = nameOf(endpoint.network);
  const sandbox = nameOf(endpoint.sandbox);
  const about = { id: endpoint.id, name: `${sandbox}@${network}` };
  const attributes = { network, sandbox };
  const whole = {
    ...attributes,
    interface: endpoint.ifName,
    ...(endpoint.mac === undefined ? {} : { mac: endpoint.mac }),
    addresses: endpoint.addresses.map(({ address }) => ipOf(address)).join(","),
  };
  const ports = (action: string, some: readonly PublishedPort[]): Happening[] =>
    some.map((port) => ({ type: "port", action, ...about, attributes: { ...attributes, port: portText(port) } }));
  const gone = (before?.ports ?? []).filter((port) => !includes(now?.ports ?? [], port));
  const come = (now?.ports ?? []).filter((port) => !includes(before?.ports ?? [], port));
  return [
    ...(before === undefined ? [{ type: "endpoint", action: "connect", ...about, attributes: whole } as const] : []),
    ...ports("publish", come),
    ...(now === undefined ? [{ type: "endpoint", action: "disconnect", ...about, attributes: whole } as const] : []),
    ...ports("unpublish", gone),
  ];
}

function includes(ports: readonly PublishedPort[], port: PublishedPort): boolean {
  return ports.some((other) => portText(other) === portText(port));
}

/** `127.0.0.1:8080-8081->80-81/tcp`; without a port of the host, `80-81/tcp` */
function portText({ hostAddress, hostPort, port, protocol, routed }: PublishedPort): string {
  const host = hostAddress === undefined ? "" : `${formatHost(hostAddress)}:`;
  const from = routed === true ? "" : `${host}${formatRange(hostPort)}->`;
  return `${from}${formatRange(port)}/${protocol}`;
}
