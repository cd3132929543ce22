import { isId, type EndpointId, type HostId, type NetworkId, type RemoteEndpoint, type SharedHost } from "@netkit/core";
import * as records from "./records.ts";

interface Seen<T> {
  readonly value: T;
  readonly revision: number;
}

/** What a key of the shared store is of. */
export type Subject =
  | { readonly type: "network"; readonly network: NetworkId }
  | { readonly type: "endpoint"; readonly network: NetworkId; readonly endpoint: EndpointId }
  | { readonly type: "host"; readonly host: HostId };

/** Undefined: a key that only those look at who write it. */
export function subjectOf(key: string): Subject | undefined {
  const [type, first = "", second = "", ...more] = key.split("/");
  if (!isId(first) || more.length > 0) return undefined;
  if (type === "endpoint") {
    return isId(second) ? { type, network: first as NetworkId, endpoint: second as EndpointId } : undefined;
  }
  if (second !== "") return undefined;
  if (type === "network") return { type, network: first as NetworkId };
  return type === "host" ? { type, host: first as HostId } : undefined;
}

/** The records of the shared store as they were last heard of, those that fit. */
export class Mirror {
  readonly networks: Map<NetworkId, Seen<records.SharedNetwork>> = new Map();
  readonly endpoints: Map<EndpointId, Seen<RemoteEndpoint>> = new Map();
  readonly hosts: Map<HostId, Seen<SharedHost>> = new Map();
  /** By their key, with whose they are. */
  readonly addresses: Map<string, Seen<records.SharedAddress>> = new Map();
  /** Somebody has made a network there, ever. */
  hasNetworks = false;
  readonly #complain: (key: string) => void;

  /** @param complain told of a record that doesn't fit */
  constructor(complain: (key: string) => void) {
    this.#complain = complain;
  }

  /** @param value undefined: the record is gone */
  note(key: string, value: unknown, revision: number): void {
    if (key === "networks") this.hasNetworks = value !== undefined;
    if (key.startsWith("address/")) this.#set(this.addresses, key, key, value, revision, records.readAddress);
    const subject = subjectOf(key);
    if (subject?.type === "network") {
      const fits = (read: unknown): records.SharedNetwork | undefined =>
        sameId(records.readNetwork(read), subject.network);
      this.#set(this.networks, subject.network, key, value, revision, fits);
    } else if (subject?.type === "endpoint") {
      const fits = (read: unknown): RemoteEndpoint | undefined => {
        const record = sameId(records.readEndpoint(read), subject.endpoint);
        return record?.network === subject.network ? record : undefined;
      };
      this.#set(this.endpoints, subject.endpoint, key, value, revision, fits);
    } else if (subject?.type === "host") {
      const fits = (read: unknown): SharedHost | undefined => sameId(records.readHost(read), subject.host);
      this.#set(this.hosts, subject.host, key, value, revision, fits);
    }
  }

  forget(): void {
    for (const table of [this.networks, this.endpoints, this.hosts, this.addresses]) table.clear();
    this.hasNetworks = false;
  }

  #set<K, T>(
    table: Map<K, Seen<T>>,
    id: K,
    key: string,
    value: unknown,
    revision: number,
    read: (value: unknown) => T | undefined,
  ): void {
    const record = value === undefined ? undefined : read(value);
    if (record === undefined) table.delete(id);
    else table.set(id, { value: record, revision });
    if (record === undefined && value !== undefined) this.#complain(key);
  }
}

function sameId<T extends { readonly id: string }>(record: T | undefined, id: string): T | undefined {
  return record?.id === id ? record : undefined;
}
