import {
  hasNames,
  ipOf,
  shortId,
  type Endpoint,
  type EndpointId,
  type Ip,
  type NamespaceId,
  type Network,
  type NetworkId,
  type RemoteEndpoint,
  type Sandbox,
} from "@netkit/core";
import type { Names } from "@netkit/dns";
import type { RecordChange, Records } from "@netkit/engine";

/** What a sandbox calls the host, netkit's own word first; the others are those of Docker Desktop and Podman. */
const hostNames = ["host.netkit.internal", "host.docker.internal", "host.containers.internal"];

/** What Podman's containers put behind each name (`dns_search_domains` of netavark). */
const podmanDomain = ".dns.podman";

/** An endpoint as it stands in the tables, of this host or another. */
interface Entry {
  readonly network: NetworkId;
  readonly addresses: readonly Ip[];
  readonly names: readonly string[];
  /** `sandbox.network`, its name in the reverse direction. */
  readonly fullName: string;
}

/** One network's names. */
interface Zone {
  readonly byName: Map<string, Set<Entry>>;
  readonly byAddress: Map<Ip, Entry>;
}

/**
 * Who is called what, for each namespace: a name reaches as far as the networks that both are on. A sandbox goes by its
 * name, its hostname, the first 12 digits of its id and its aliases on the network, with or without `.network` or
 * `.dns.podman` behind.
 */
export class Directory {
  readonly #records: Records;
  readonly #entries = new Map<EndpointId, Entry>();
  readonly #remotes = new Map<EndpointId, Entry>();
  readonly #zones = new Map<NetworkId, Zone>();
  readonly #members = new Map<NamespaceId, Set<EndpointId>>();
  readonly #dirty = new Map<EndpointId, NamespaceId>();
  /** By their keys in the records. */
  readonly #dirtyRemotes = new Map<string, EndpointId>();
  readonly #catchUp: () => Promise<unknown> | undefined;

  /** @param catchUp undefined: the records are those of this moment; otherwise they are when it has resolved */
  constructor(records: Records, catchUp: () => Promise<unknown> | undefined) {
    this.#records = records;
    this.#catchUp = catchUp;
  }

  /** Takes note of a change; it counts from {@link settle} on, for it may name records whose own change is still to come. */
  note(change: RecordChange): void {
    const remote = change.type === "remote" ? (change.now ?? change.before) : undefined;
    if (remote !== undefined) this.#dirtyRemotes.set(`${remote.network}/${remote.id}`, remote.id);
    if (change.type !== "endpoint") return;
    const endpoint = change.now ?? change.before;
    if (endpoint !== undefined) this.#dirty.set(endpoint.id, endpoint.namespace);
  }

  settle(): void {
    for (const [id, namespace] of this.#dirty) {
      const old = this.#entries.get(id);
      if (old !== undefined) this.#remove(old);
      this.#entries.delete(id);
      const endpoint = this.#records.endpoints.get(id);
      if (endpoint !== undefined) this.#add(endpoint);
      else takeOut(this.#members, namespace, id);
    }
    this.#dirty.clear();
    for (const [key, id] of this.#dirtyRemotes) {
      const old = this.#remotes.get(id);
      if (old !== undefined) this.#remove(old);
      this.#remotes.delete(id);
      const remote = this.#records.remotes.get(key);
      if (remote !== undefined) this.#addRemote(remote);
    }
    this.#dirtyRemotes.clear();
  }

  /** Whether an endpoint of the namespace leads out of the host. */
  reachesOutside(namespace: NamespaceId): boolean {
    const { endpoints, networks } = this.#records;
    return [...(this.#members.get(namespace) ?? [])].some((id) => {
      const endpoint = endpoints.get(id);
      return endpoint !== undefined && networks.get(endpoint.network)?.internal === false;
    });
  }

  /** The endpoints of a namespace on networks that have names. */
  endpointsOf(namespace: NamespaceId): Endpoint[] {
    return [...(this.#members.get(namespace) ?? [])].flatMap((id) =>
      this.#entries.has(id) ? (this.#records.endpoints.get(id) ?? []) : [],
    );
  }

  /** How many endpoints have names. */
  get size(): number {
    return this.#entries.size;
  }

  /** What is seen from a namespace. */
  namesFor(namespace: NamespaceId): Names {
    return {
      settled: this.#catchUp,
      addresses: (name) => this.#addresses(namespace, name),
      owns: (name) => name.endsWith(podmanDomain) || name === podmanDomain.slice(1),
      pointer: (address) => this.#pointer(namespace, address),
    };
  }

  #addresses(namespace: NamespaceId, asked: string): Ip[] | undefined {
    const name = asked.endsWith(podmanDomain) ? asked.slice(0, -podmanDomain.length) : asked;
    const own = this.endpointsOf(namespace);
    if (hostNames.includes(name)) return own.flatMap((endpoint) => this.#gatewaysOf(endpoint));
    let found: Ip[] | undefined;
    for (const { network } of own) {
      const entries = this.#find(network, name);
      if (entries === undefined) continue;
      for (const { addresses } of entries) (found ??= []).push(...addresses);
    }
    return found;
  }

  #find(network: NetworkId, name: string): Set<Entry> | undefined {
    const names = this.#zones.get(network)?.byName;
    const found = names?.get(name);
    if (found !== undefined) return found;
    const suffix = `.${this.#records.networks.get(network)?.name.toLowerCase()}`;
    return name.endsWith(suffix) ? names?.get(name.slice(0, -suffix.length)) : undefined;
  }

  #pointer(namespace: NamespaceId, address: Ip): string | undefined {
    const own = this.endpointsOf(namespace);
    for (const { network } of own) {
      const entry = this.#zones.get(network)?.byAddress.get(address);
      if (entry !== undefined) return entry.fullName;
    }
    return own.some((endpoint) => this.#gatewaysOf(endpoint).includes(address)) ? hostNames[0] : undefined;
  }

  /** The host's addresses as an endpoint reaches them. */
  #gatewaysOf({ network, addresses }: Endpoint): Ip[] {
    if (this.#records.networks.get(network)?.besideHost === true) return [];
    return addresses.flatMap(({ gateway }) => gateway ?? []);
  }

  #add(endpoint: Endpoint): void {
    const network = this.#records.networks.get(endpoint.network);
    const sandbox = this.#records.sandboxes.get(endpoint.sandbox);
    getOrMake(this.#members, endpoint.namespace, () => new Set()).add(endpoint.id);
    if (network === undefined || sandbox === undefined || !hasNames(network)) return;
    const addresses = endpoint.addresses.map(({ address }) => ipOf(address));
    const entry = entryOf(network, sandbox, endpoint.aliases, addresses);
    this.#entries.set(endpoint.id, entry);
    this.#insert(entry);
  }

  #addRemote({ id, network: networkId, sandbox, addresses }: RemoteEndpoint): void {
    const network = this.#records.networks.get(networkId);
    // Another host itself has no name.
    if (network === undefined || sandbox === undefined) return;
    const entry = entryOf(network, sandbox, sandbox.aliases, addresses.map(ipOf));
    this.#remotes.set(id, entry);
    this.#insert(entry);
  }

  #insert(entry: Entry): void {
    const zone = getOrMake(this.#zones, entry.network, () => ({ byName: new Map(), byAddress: new Map() }));
    for (const name of entry.names) getOrMake(zone.byName, name, () => new Set()).add(entry);
    for (const address of entry.addresses) zone.byAddress.set(address, entry);
  }

  #remove(entry: Entry): void {
    const zone = this.#zones.get(entry.network);
    if (zone === undefined) return;
    for (const name of entry.names) takeOut(zone.byName, name, entry);
    // The address may be another endpoint's by now.
    for (const address of entry.addresses) if (zone.byAddress.get(address) === entry) zone.byAddress.delete(address);
    if (zone.byName.size === 0) this.#zones.delete(entry.network);
  }
}

function entryOf(
  network: Network,
  { id, name, hostname }: Pick<Sandbox, "id" | "name" | "hostname">,
  aliases: readonly string[],
  addresses: readonly Ip[],
): Entry {
  const words = [name, hostname, shortId(id), ...aliases];
  const names = [...new Set(words.map((word) => word.toLowerCase()))];
  return { network: network.id, addresses, names, fullName: `${name}.${network.name}` };
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function takeOut<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key);
  if (set?.delete(value) === true && set.size === 0) map.delete(key);
}
