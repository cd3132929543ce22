import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, Socket as TcpSocket, type Server } from "node:net";
import {
  familyOf,
  isNetkitError,
  NetkitError,
  resolverAddress,
  type Ip,
  type Namespace,
  type NamespaceId,
  type Sandbox,
} from "@netkit/core";
import { createResolver, type Resolver, type Served, type Stats, type Upstream, type Upstreams } from "@netkit/dns";
import type { Records } from "@netkit/engine";
import { openSockets } from "@netkit/kernel";
import { namespaceCookie, openNamespace, withNamespace, type NamespaceHandle } from "@netkit/netlink";
import { bootId, locateNamespace } from "@netkit/sandbox";
import type { Directory } from "./directory.ts";
import type { HostServers } from "./host-servers.ts";

const port = 53;
/** Names that were expected and don't come are those of a change that failed. */
const expectedMs = 2_000;

/** What serves one namespace. */
interface NameServer {
  readonly cookie: string;
  readonly served: Served;
  readonly namespace: NamespaceHandle;
}

/** A name server in each namespace that has names: UDP and TCP, on sockets that were opened inside. */
export class NameServers {
  readonly #records: Records;
  readonly #directory: Directory;
  readonly #hostServers: HostServers;
  readonly #complain: (namespace: Namespace, error: NetkitError) => void;
  readonly #resolver: Resolver = createResolver();
  readonly #servers = new Map<NamespaceId, NameServer>();
  /** Of these was told that they can't be served, unless they are still to come. */
  readonly #complained = new Set<NamespaceId>();
  /** Those that are about to have names, and until when they may come. */
  readonly #expected = new Map<NamespaceId, number>();

  constructor(
    records: Records,
    directory: Directory,
    hostServers: HostServers,
    complain: (namespace: Namespace, error: NetkitError) => void,
  ) {
    this.#records = records;
    this.#directory = directory;
    this.#hostServers = hostServers;
    this.#complain = complain;
  }

  /** Opens and closes what these namespaces need, and those that couldn't be served: port 53 may be free by now. */
  async settle(namespaces: Iterable<NamespaceId>): Promise<void> {
    for (const id of new Set([...namespaces, ...this.#complained, ...this.#expected.keys()])) {
      const namespace = this.#servable(id);
      const hasNames = this.#directory.endpointsOf(id).length > 0;
      if (hasNames || namespace === undefined || performance.now() > (this.#expected.get(id) ?? 0))
        this.#expected.delete(id);
      const wanted = hasNames || this.#expected.has(id) ? namespace : undefined;
      const present = this.#servers.get(id);
      const isKnown = wanted?.cookie !== "";
      if (present !== undefined && isKnown && present.cookie !== wanted?.cookie) await this.#close(id, present);
      if (wanted === undefined) this.#complained.delete(id);
      else if (!this.#servers.has(id)) this.#open(wanted);
    }
  }

  /** Opens what a namespace will need in a moment. Whether it is served. */
  expect(id: NamespaceId): boolean {
    const namespace = this.#servable(id);
    if (namespace === undefined) return false;
    if (!this.#servers.has(id)) {
      this.#expected.set(id, performance.now() + expectedMs);
      this.#open(namespace);
    }
    return this.#servers.has(id);
  }

  /** The namespace, if names can be served in it. */
  #servable(id: NamespaceId): Namespace | undefined {
    const namespace = this.#records.namespaces.get(id);
    const holder = namespace && this.#holder(namespace);
    const can = namespace?.owner !== "host" && namespace?.boot === bootId() && isServed(holder);
    return can ? namespace : undefined;
  }

  get size(): number {
    return this.#servers.size;
  }

  /** Whether namespaces that aren't there yet will have names. */
  get areAwaited(): boolean {
    return [...this.#complained].some((id) => this.#records.namespaces.get(id)?.cookie === "");
  }

  get stats(): Stats {
    return this.#resolver.stats;
  }

  /**
   * Lets go of namespaces of engines that have gone but for what is open in here, which would keep them, and their links, for as long as the
   * agent lives: those have ended without a word to netkit. Nothing tells of the end of a namespace.
   */
  async leaveGone(): Promise<void> {
    for (const [id, server] of this.#servers) {
      const namespace = this.#records.namespaces.get(id);
      if (namespace?.owner !== "stranger") continue;
      if (locateNamespace({ path: namespace.path, cookie: server.cookie }) === undefined) await this.#close(id, server);
    }
  }

  /** Resolves when nothing holds the namespaces any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#servers].map(async ([id, server]) => await this.#close(id, server)));
  }

  #open(namespace: Namespace): void {
    let handle: NamespaceHandle | undefined;
    try {
      handle = openNamespace(namespace.path);
      const address = this.#holder(namespace)?.resolver ?? resolverAddress;
      const { cookie, sockets } = withNamespace(handle.fd, () => openServers(namespace.cookie, address));
      if (sockets === undefined) return handle.close();
      const [udpFd = -1, tcpFd = -1] = sockets;
      const served = this.#resolver.serve({
        udp: udpSocket(udpFd),
        tcp: tcpServer(tcpFd),
        names: this.#directory.namesFor(namespace.id),
        upstreams: new SandboxUpstreams(namespace.id, handle, this.#records, this.#directory, this.#hostServers),
      });
      this.#servers.set(namespace.id, { cookie, served, namespace: handle });
      this.#complained.delete(namespace.id);
    } catch (error) {
      handle?.close();
      // One that isn't there yet is looked for again, and nothing is wrong.
      const isAwaited = namespace.cookie === "";
      if (!this.#complained.has(namespace.id) && !isAwaited) this.#complain(namespace, refusal(namespace, error));
      this.#complained.add(namespace.id);
    }
  }

  #holder({ members: [first] }: Namespace): Sandbox | undefined {
    return first === undefined ? undefined : this.#records.sandboxes.get(first);
  }

  async #close(id: NamespaceId, { served, namespace }: NameServer): Promise<void> {
    this.#servers.delete(id);
    await served.close();
    namespace.close();
  }
}

function isServed(holder: Sandbox | undefined): boolean {
  return holder?.names === true || holder?.resolver !== undefined;
}

/** In the thread's namespace, unless it is another one than was expected: at the same path, say, but none of ours. */
function openServers(expected: string, address: Ip): { cookie: string; sockets?: number[] } {
  const cookie = namespaceCookie().toString();
  // Doctor tells of a sandbox whose namespace is gone.
  if (expected !== "" && cookie !== expected) return { cookie };
  const at = { address, port };
  const protocols = ["udp", "tcp"] as const;
  return {
    cookie,
    sockets: openSockets(
      undefined,
      protocols.map((protocol) => ({ protocol, family: "ipv4", at })),
    ),
  };
}

/** A burst of queries waits in the socket: the kernel's default holds 200. */
function udpSocket(fd: number): UdpSocket {
  return createSocket({ type: "udp4", recvBufferSize: 1 << 20 }).bind({ fd });
}

function tcpServer(fd: number): Server {
  return createServer().listen({ fd, backlog: 4_096 });
}

function refusal(namespace: Namespace, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const taken = isNetkitError(cause) && cause.code === "PORT_TAKEN";
  return new NetkitError("AGENT_DEGRADED", `no names are served in ${namespace.path}: ${why}`, {
    hint: taken
      ? `A process inside has ${resolverAddress}:${port}; names are served once it is gone.`
      : "Is the loopback interface up in there?",
    details: { namespace: namespace.id },
    cause,
  });
}

/**
 * Where a sandbox's other queries go: to the servers of --dns, or to the host's; nowhere from internal networks. They
 * are asked from inside the sandbox, but the host's on loopback, which nobody else reaches, from the host.
 */
class SandboxUpstreams implements Upstreams {
  readonly #id: NamespaceId;
  readonly #namespace: NamespaceHandle;
  readonly #records: Records;
  readonly #directory: Directory;
  readonly #hostServers: HostServers;

  constructor(
    id: NamespaceId,
    namespace: NamespaceHandle,
    records: Records,
    directory: Directory,
    hostServers: HostServers,
  ) {
    this.#id = id;
    this.#namespace = namespace;
    this.#records = records;
    this.#directory = directory;
    this.#hostServers = hostServers;
  }

  get servers(): Upstream[] {
    if (!this.#directory.reachesOutside(this.#id)) return [];
    const own = this.#holder()?.dns.servers ?? [];
    return (own.length > 0 ? own : this.#hostServers.get()).map((address) => ({ address }));
  }

  openUdp = ({ address }: Upstream): UdpSocket => {
    const family = familyOf(address);
    const at = { address: (family === "ipv6" ? "::" : "0.0.0.0") as Ip, port: 0 };
    const [fd = -1] = openSockets(this.#from(address), [{ protocol: "udp", family, at, hearsRouters: true }]);
    return createSocket(family === "ipv6" ? "udp6" : "udp4").bind({ fd });
  };

  connectTcp = ({ address, port: to = port }: Upstream): TcpSocket => {
    const [fd = -1] = openSockets(this.#from(address), [{ protocol: "tcp", family: familyOf(address) }]);
    return new TcpSocket({ fd, readable: true, writable: true }).connect(to, address);
  };

  /** The namespace from which a server is asked; undefined: the host's. */
  #from(address: Ip): number | undefined {
    const ofHost = (this.#holder()?.dns.servers.length ?? 0) === 0;
    return ofHost && /^(127\.|::1$)/.test(address) ? undefined : this.#namespace.fd;
  }

  #holder(): Sandbox | undefined {
    const first = this.#records.namespaces.get(this.#id)?.members[0];
    return first === undefined ? undefined : this.#records.sandboxes.get(first);
  }
}
