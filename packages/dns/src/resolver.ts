import type { RemoteInfo, Socket as UdpSocket } from "node:dgram";
import type { Server, Socket as TcpSocket } from "node:net";
import type { Ip } from "@netkit/core";
import type { Client } from "./client.ts";
import { Connections } from "./connections.ts";
import { Forwarder } from "./forwarder.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { localAnswer } from "./local.ts";
import { readQuery, type Query } from "./query.ts";
import { localReply, plainReply, type Transport } from "./reply.ts";
import type { Stats } from "./stats.ts";
import { ownAddress } from "./upstreams.ts";
import { classIn, rcodes, types } from "./wire.ts";

export interface ResolverOptions {
  readonly limits?: Partial<Limits>;
  /** Servers at these addresses are this resolver, and never forwarded to; 127.0.0.11 if absent. */
  readonly ownAddresses?: readonly Ip[];
  /** The clock of what is kept, in ms; it never goes back. */
  readonly now?: () => number;
  /** Hears of what a client's `names` throws; the query is answered with SERVFAIL. */
  readonly onError?: (error: unknown) => void;
}

/** A client and the sockets that it asks at; the caller has bound and listens, the resolver closes them. */
export interface Serving extends Client {
  readonly udp: UdpSocket;
  readonly tcp: Server;
}

export interface Served {
  /** Closes the sockets and ends what is under way for this client; resolves once they are closed. */
  close(): Promise<void>;
}

export interface Resolver {
  /** Answers on the sockets of one client, of any number. */
  serve(serving: Serving): Served;
  /**
   * The answer to one message: at once if the client's names or the cache have it, undefined if the message deserves none.
   * Never throws or rejects.
   */
  resolve(message: Buffer, client: Client, transport?: Transport): Buffer | Promise<Buffer> | undefined;
  readonly stats: Readonly<Stats>;
}

/** Answers waiting in one UDP socket, in bytes; what is over is lost, as datagrams are. */
const maxQueuedBytes = 1 << 20;

/** One resolver for all clients of a process. */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const limits = { ...defaultLimits, ...options.limits };
  const stats: Stats = {
    queries: 0,
    local: 0,
    cached: 0,
    forwarded: 0,
    failed: 0,
    overLimit: 0,
    dropped: 0,
    forwarding: 0,
    connections: 0,
  };
  const { ownAddresses = [ownAddress], now = () => performance.now() } = options;
  const forwarder = new Forwarder({ limits, ownAddresses, now, stats });
  const connections = new Connections(limits);

  function resolve(message: Buffer, client: Client, transport: Transport = "udp") {
    stats.queries++;
    const query = readQuery(message);
    if (query === undefined) {
      stats.dropped++;
      return undefined;
    }
    try {
      return answer(query, client, transport);
    } catch (error) {
      return failed(query, error);
    }
  }

  function answer(query: Query, client: Client, transport: Transport): Buffer | Promise<Buffer> {
    const { type } = query;
    if (query.refusal !== undefined) return plainReply(query, query.refusal);
    // Names are of class IN; CHAOS asks about the server itself, and a zone is transferred by those who have one.
    if (query.class !== classIn || type === types.AXFR || type === types.IXFR) return plainReply(query, rcodes.REFUSED);
    const late = client.names.settled?.();
    if (late === undefined) return settledAnswer(query, client, transport);
    return late.then(() => settledAnswer(query, client, transport)).catch((error: unknown) => failed(query, error));
  }

  function settledAnswer(query: Query, client: Client, transport: Transport): Buffer | Promise<Buffer> {
    const { name, type } = query;
    const local = name === undefined || name === "" ? undefined : localAnswer(client.names, name, type);
    if (local === undefined) return forwarder.answer(query, client, transport);
    stats.local++;
    return localReply(query, local.rcode, local.records, transport);
  }

  function failed(query: Query, error: unknown): Buffer {
    options.onError?.(error);
    return plainReply(query, rcodes.SERVFAIL);
  }

  function serve(client: Serving): Served {
    const { udp, tcp } = client;
    let isOpen = true;
    const send = (reply: Buffer, { port, address }: RemoteInfo): void => {
      if (isOpen && udp.getSendQueueSize() < maxQueuedBytes) udp.send(reply, port, address, ignore);
    };
    const onMessage = (message: Buffer, from: RemoteInfo): void => {
      // It could be no client's, and no answer could be sent there.
      if (from.port === 0) return;
      const reply = resolve(message, client, "udp");
      if (Buffer.isBuffer(reply)) send(reply, from);
      else void reply?.then((late) => send(late, from));
    };
    const onConnection = (socket: TcpSocket): void => {
      connections.serve(client, socket, (message) => resolve(message, client, "tcp"));
    };
    udp.on("message", onMessage).on("error", ignore);
    tcp.on("connection", onConnection).on("error", ignore);
    return {
      async close() {
        if (!isOpen) return;
        isOpen = false;
        forwarder.leave(client);
        const closed = Promise.all([
          new Promise<void>((done) => udp.close(done)),
          new Promise<void>((done) => void tcp.close(() => done())),
        ]);
        connections.end(client);
        await closed;
      },
    };
  }

  return {
    resolve,
    serve,
    get stats() {
      return { ...stats, connections: connections.size };
    },
  };
}

/** An answer that can't be sent is lost, as datagrams are; what asked for it asks again. */
function ignore(): void {}
