import { constants, networkInterfaces } from "node:os";
import { familyOf, NetkitError, type Ip, type Protocol } from "@netkit/core";
import {
  isNetlinkError,
  listSockets,
  syscalls,
  withNamespace,
  type NamespaceRef,
  type NetlinkSocket,
} from "@netkit/netlink";
import { bindSocket, IPPROTO_IPV6, newSocket, one } from "./inet-socket.ts";

const IPV6_V6ONLY = 26;
const zero = Buffer.alloc(4);
const { EADDRINUSE, EADDRNOTAVAIL } = constants.errno;

/** How many ports are tried one by one, 10 to 14 us each; to list what there is takes 15 us. */
const few = 2;
/** Protocols whose sockets can be listed, by number. An SCTP socket that doesn't listen isn't told of. */
const listable: Partial<Readonly<Record<Protocol, number>>> = { tcp: 6, udp: 17 };

interface Place {
  readonly protocol: Protocol;
  /** Absent: any address of any family. */
  readonly address?: Ip;
}

export interface HostPort extends Place {
  readonly port: number;
}

export interface HostPorts extends Place {
  readonly first: number;
  readonly last: number;
}

/**
 * The first of `ports` that a socket of the host is bound to, found by trying to bind them; of many ports, those alone that
 * a socket of the host listens on (UDP: has), so that it takes the same time however many they are. Connections that linger
 * in TIME_WAIT don't count for TCP. A protocol or family that the kernel doesn't have is never in use.
 * @param namespace the host's; undefined: the thread is in it
 * @param diag opens a socket of NETLINK_SOCK_DIAG there, or gives one that stays open; asked only if need be
 * @throws NetkitError PORT_INVALID for an address that the host hasn't
 */
export function firstPortInUse(
  namespace: NamespaceRef | undefined,
  ports: readonly HostPorts[],
  diag: () => NetlinkSocket,
): HostPort | undefined {
  const search = (): HostPort | undefined => {
    const count = ports.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    const sockets = count > few ? portsOfSockets(diag(), ports) : undefined;
    for (const { first, last, ...place } of ports) {
      const candidates = sockets?.get(place.protocol);
      for (let port = first; port <= last; port++) {
        // The first one tells whether the host has the address at all.
        const tried = candidates?.has(port) !== false || (port === first && place.address !== undefined);
        if (tried && isInUse({ ...place, port })) return { ...place, port };
      }
    }
    return undefined;
  };
  return namespace === undefined ? search() : withNamespace(namespace, search);
}

/** Those of `ports` that somebody receives on, by protocol; no entry where the kernel doesn't tell. */
function portsOfSockets(socket: NetlinkSocket, ports: readonly HostPorts[]): Map<Protocol, ReadonlySet<number>> {
  const found = new Map<Protocol, ReadonlySet<number>>();
  for (const [protocol, wanted] of Map.groupBy(ports, (place) => place.protocol)) {
    const number = listable[protocol];
    if (number === undefined) continue;
    const first = Math.min(...wanted.map((range) => range.first));
    const last = Math.max(...wanted.map((range) => range.last));
    try {
      const filter = { protocol: number, listening: protocol === "tcp", ports: { first, last } };
      found.set(protocol, new Set(listSockets(socket, filter).map(({ port }) => port)));
    } catch (error) {
      if (!isNetlinkError(error)) throw error;
    }
  }
  return found;
}

function isInUse({ protocol, address, port }: HostPort): boolean {
  if (address !== undefined) return bindFails(protocol, address, port, true) === true;
  // One socket for both families, which a host without IPv6 has not.
  return bindFails(protocol, "::" as Ip, port, false) ?? bindFails(protocol, "0.0.0.0" as Ip, port, false) === true;
}

/** Whether the address is in use; undefined where there are no such sockets. */
function bindFails(protocol: Protocol, address: Ip, port: number, oneFamily: boolean): boolean | undefined {
  const calls = syscalls();
  const family = familyOf(address);
  const fd = newSocket(protocol, family);
  if (fd < 0) return undefined;
  try {
    if (family === "ipv6") calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, oneFamily ? one : zero);
    const result = bindSocket(fd, protocol, address, port);
    if (result === -EADDRNOTAVAIL) refuseForeign(address, port);
    return result < 0 && result !== -EADDRINUSE && !oneFamily ? undefined : result === -EADDRINUSE;
  } finally {
    calls.close(fd);
  }
}

/** The host has no such address; one that is still being checked for duplicates is its own. */
function refuseForeign(address: Ip, port: number): void {
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
  if (own.includes(address)) return;
  throw new NetkitError(
    "PORT_INVALID",
    `port ${port} can't be published on ${address}: it is no address of this host`,
    {
      hint: `Its addresses are ${own.join(", ")}; without one the port is published on all of them.`,
      details: { address, port, addresses: own },
    },
  );
}
