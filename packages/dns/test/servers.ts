import { connect, type Socket } from "node:net";
import { createSocket } from "node:dgram";
import { decode, encode, type Answer, type Packet } from "dns-packet";
import { onTestFinished } from "vitest";
import { createResolver, type Upstream } from "../src/index.ts";
import { answer, client, framed, loopback, messages, sockets } from "./clients.ts";

export interface Received {
  readonly message: Buffer;
  readonly transport: "udp" | "tcp";
  /** Sends from the address and port that were asked. */
  readonly reply: (message: Buffer) => void;
  /** Sends from another port: somebody else. */
  readonly spoof: (message: Buffer) => void;
}

/** A server for one test that does what it is told to with whatever it is asked; `seen` is all that. */
export async function server(
  behave: (received: Received) => void,
): Promise<{ upstream: Upstream; seen: Received[]; close: () => void }> {
  const { udp, tcp, port } = await sockets();
  const seen: Received[] = [];
  const receive = (received: Received): void => {
    seen.push(received);
    behave(received);
  };
  udp.on("message", (message, from) => {
    receive({
      message,
      transport: "udp",
      reply: (reply) => udp.send(reply, from.port, from.address),
      spoof: (reply) => {
        const socket = createSocket("udp4");
        socket.send(reply, from.port, from.address, () => socket.close());
      },
    });
  });
  tcp.on("connection", (socket) => {
    const reply = (message: Buffer): void => void socket.write(framed(message));
    // The other end may go at any time.
    each(socket, (message) => receive({ message, transport: "tcp", reply, spoof: reply })).catch(() =>
      socket.destroy(),
    );
  });
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    udp.close();
    tcp.close();
  };
  onTestFinished(close);
  return { upstream: { address: loopback, port }, seen, close };
}

async function each(socket: Socket, receive: (message: Buffer) => void): Promise<void> {
  for await (const message of messages(socket)) receive(message);
}

/** A server's answer to a question: `packet` on top of what a plain good one has. */
export function reply(asked: Buffer, packet: Packet & { rcode?: number } = {}): Buffer {
  const { id = 0, questions = [] } = decode(asked);
  const { rcode = 0, flags = 0, ...rest } = packet;
  return encode({ type: "response", id, flags: 0x180 | flags | rcode, questions, ...rest });
}

export function address(name: string, data: string, ttl = 60): Answer {
  return { type: "A", name, data, ttl };
}

export function soa(ttl: number, minimum: number): Answer {
  return { type: "SOA", name: "example", ttl, data: { mname: "a.example", rname: "b.example", minimum } };
}

/** A port where nobody listens. */
export async function deaf(): Promise<Upstream> {
  const { udp, tcp, port } = await sockets();
  udp.close();
  tcp.close();
  return { address: loopback, port };
}

/** A server that behaves by what is asked for: answers with this address. */
export function answering(data: string, ttl = 60): (received: Received) => void {
  return ({ message, reply: send }) => {
    const [question] = decode(message).questions ?? [];
    send(reply(message, { answers: [address(question?.name ?? "", data, ttl)] }));
  };
}

/** Whether a TCP connection to the port is taken. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return (await new Promise((resolve) => {
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
  }).finally(() => socket.destroy())) as boolean;
}

export const silent = (): void => {};

export function failing(rcode: number): (received: Received) => void {
  return ({ message, reply: send }) => send(reply(message, { rcode }));
}

/** The header of an answer, alone. */
export function withoutQuestion(asked: Buffer, rcode: number): Buffer {
  const header = Buffer.from(asked.subarray(0, 12)).fill(0, 4);
  header.writeUInt16BE(0x8180 | rcode, 2);
  return header;
}

/** Asks a new resolver with these servers. */
export function asking(servers: readonly Upstream[], timeoutMs = 5000) {
  const resolver = createResolver({ limits: { timeoutMs } });
  const asker = client({ servers });
  return {
    resolver,
    asker,
    ask: (message: Buffer, transport?: "udp" | "tcp") => answer(resolver, asker, message, transport),
  };
}
