import type { Socket } from "node:net";
import type { Client } from "./client.ts";
import { framed, unframed } from "./framing.ts";
import type { Limits } from "./limits.ts";

/** Queries of one connection before everybody else has their turn. */
const queriesPerTurn = 64;

/** Answers a query; undefined: it is none. */
export type Answer = (query: Buffer) => Buffer | Promise<Buffer> | undefined;

interface Connection {
  readonly client: Client;
  readonly socket: Socket;
  /** When it last had a whole query or answer. */
  activeMs: number;
}

/** The open TCP connections, those idle longest first: where there is no room for another, the first goes (RFC 7766, 6.2). */
export class Connections {
  readonly #all = new Set<Connection>();
  readonly #clients = new WeakMap<Client, Set<Connection>>();
  readonly #limits: Limits;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Serves a connection until it ends, one way or another. */
  serve(client: Client, socket: Socket, answer: Answer): void {
    const connection: Connection = { client, socket, activeMs: performance.now() };
    const own = this.#clients.get(client) ?? new Set();
    this.#clients.set(client, own);
    makeRoom(own, this.#limits.connectionsPerClient);
    makeRoom(this.#all, this.#limits.connections);
    this.#all.add(connection);
    own.add(connection);
    this.#timer ??= setInterval(() => this.#sweep(), Math.min(this.#limits.idleMs, 1000));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      own.delete(connection);
      this.#all.delete(connection);
      if (this.#all.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    read(socket, answer, () => {
      connection.activeMs = performance.now();
      for (const set of [own, this.#all]) if (set.delete(connection)) set.add(connection);
    });
  }

  end(client: Client): void {
    for (const { socket } of this.#clients.get(client) ?? []) socket.destroy();
  }

  #sweep(): void {
    const earliest = performance.now() - this.#limits.idleMs;
    for (const { socket, activeMs } of this.#all) {
      if (activeMs > earliest) return;
      socket.destroy();
    }
  }
}

function makeRoom(connections: Set<Connection>, limit: number): void {
  if (connections.size < limit) return;
  const [oldest] = connections;
  if (oldest === undefined) return;
  connections.delete(oldest);
  oldest.socket.destroy();
}

/** Queries out of a stream, answers into it, in whatever order they come (RFC 7766, section 7). */
function read(socket: Socket, answer: Answer, active: () => void): void {
  let received = Buffer.alloc(0);
  const write = (reply: Buffer): void => {
    if (!socket.writable) return;
    active();
    socket.write(framed(reply));
  };
  const work = (): void => {
    for (let count = 0; !socket.destroyed; count++) {
      const query = unframed(received);
      if (query === undefined) return void socket.resume();
      if (count === queriesPerTurn || socket.writableNeedDrain) return wait();
      received = received.subarray(2 + query.length);
      active();
      const reply = answer(query);
      if (reply === undefined) return void socket.destroy();
      if (Buffer.isBuffer(reply)) write(reply);
      else void reply.then(write);
    }
  };
  // Who doesn't read answers asks no more.
  const wait = (): void => {
    socket.pause();
    if (socket.writableNeedDrain) socket.once("drain", work);
    else setImmediate(work);
  };
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    work();
  });
}
