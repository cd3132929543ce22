import { createSocket, type Socket } from "node:dgram";
import { familyOf, type Ip } from "@netkit/core";

export interface UdpTarget {
  readonly address: Ip;
  readonly port: number;
}

/** As long as the kernel keeps a translated flow: without an answer, and with one (nf_conntrack_udp_timeout, ..._stream). */
const unansweredMs = 30_000;
const answeredMs = 120_000;

/** Clients that are served at a time; one more takes the place of the one that has been silent longest. */
const maxClients = 1_024;

/** Passes on the datagrams of a socket to a target, and what comes back, from a socket of its own for each client. */
export class UdpRelay {
  readonly #socket: Socket;
  readonly #target: UdpTarget;
  /** By address and port; who has spoken last is last. */
  readonly #clients = new Map<string, Client>();
  #closed = false;

  /** @param socket is bound; it is closed with this */
  constructor(socket: Socket, target: UdpTarget) {
    this.#socket = socket;
    this.#target = target;
    socket.on("message", (data, { address, port }) => this.#take(data, address, port));
    socket.on("error", () => this.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
    this.#socket.close();
  }

  #take(data: Buffer, address: string, port: number): void {
    const key = `${address} ${port}`;
    const client = this.#clients.get(key) ?? this.#open(key, address, port);
    this.#clients.delete(key);
    this.#clients.set(key, client);
    client.send(data);
  }

  #open(key: string, address: string, port: number): Client {
    const [silent] = this.#clients.values();
    if (this.#clients.size >= maxClients) silent?.close();
    const answer = (data: Buffer): void => this.#socket.send(data, port, address, () => {});
    return new Client(this.#target, answer, () => this.#clients.delete(key));
  }
}

/** One client's way to the target: a socket that hears of nobody else. */
class Client {
  readonly #socket: Socket;
  readonly #onClose: () => void;
  /** What came before the socket was connected, which takes no longer than the turn. */
  #waiting: Buffer[] | undefined = [];
  #timer: NodeJS.Timeout;
  #answered = false;
  #closed = false;

  constructor({ address, port }: UdpTarget, answer: (data: Buffer) => void, onClose: () => void) {
    this.#onClose = onClose;
    this.#socket = createSocket(familyOf(address) === "ipv6" ? "udp6" : "udp4");
    this.#timer = setTimeout(() => this.close(), unansweredMs).unref();
    // Nobody listens there now, or there is no way: the next datagram is tried again.
    this.#socket.on("error", () => this.#closeIfWaiting());
    this.#socket.on("message", (data) => {
      this.#keep(true);
      answer(data);
    });
    this.#socket.connect(port, address, (...[error]: unknown[]) => {
      if (error !== undefined) return this.close();
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const data of this.#closed ? [] : waiting) this.send(data);
    });
  }

  send(data: Buffer): void {
    this.#keep(this.#answered);
    if (this.#waiting === undefined) this.#socket.send(data, () => {});
    else this.#waiting.push(data);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket.close();
    this.#onClose();
  }

  #closeIfWaiting(): void {
    if (this.#waiting !== undefined) this.close();
  }

  #keep(answered: boolean): void {
    if (answered === this.#answered) return void this.#timer.refresh();
    this.#answered = answered;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), answeredMs).unref();
  }
}
