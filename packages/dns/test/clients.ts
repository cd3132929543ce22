import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket as TcpSocket } from "node:net";
import { parseIp, type Ip } from "@netkit/core";
import { decode, encode, type DecodedPacket, type Packet } from "dns-packet";
import { onTestFinished } from "vitest";
import type { Client, Names, Resolver, Upstreams } from "../src/index.ts";

/** What Docker's resolver would know of a few containers. */
export const known: Readonly<Record<string, readonly string[]>> = {
  web: ["10.7.0.2"],
  "web.my-net": ["10.7.0.2"],
  both: ["10.7.0.3", "fd00::3"],
  many: Array.from({ length: 40 }, (_, index) => `10.7.1.${index + 1}`),
  six: ["fd00::6"],
  addressless: [],
};

export const names: Names = {
  addresses: (name) => (Object.hasOwn(known, name) ? known[name]?.map(parseIp) : undefined),
  pointer: (address) => ({ "10.7.0.2": "web.my-net", "fd00::3": "both.my-net" })[address as string],
  port: (name, service, protocol) => (`${service}/${protocol}@${name}` === "http/tcp@web" ? 8080 : undefined),
};

export const nobody: Names = { addresses: () => undefined, pointer: () => undefined };

/** A client without servers to forward to, or with these. */
export function client(upstreams: Upstreams = { servers: [] }, own: Names = names): Client {
  return { names: own, upstreams };
}

export interface Asking {
  readonly id?: number;
  readonly flags?: number;
  /** What the client takes by UDP; absent: no EDNS. */
  readonly udpSize?: number;
  readonly dnssecOk?: boolean;
  readonly ednsVersion?: number;
}

type Type = NonNullable<Packet["questions"]>[number]["type"];
/** dns-packet knows more types than its types do. */
type AnyType = Type | "ANY" | `UNKNOWN_${number}`;

export function query(name: string, type: AnyType = "A", asking: Asking = {}): Buffer {
  const { id = 0x1234, flags = 0x100, udpSize, dnssecOk = false, ednsVersion = 0 } = asking;
  const opt = {
    type: "OPT" as const,
    name: ".",
    udpPayloadSize: udpSize ?? 0,
    extendedRcode: 0,
    ednsVersion,
    flags: dnssecOk ? 0x8000 : 0,
    flag_do: dnssecOk,
    options: [],
  };
  const questions = [{ type: type as Type, name }];
  return encode({ type: "query", id, flags, questions, additionals: udpSize === undefined ? [] : [opt] });
}

export type Reply = DecodedPacket & { readonly rcode: string };

export function read(message: Buffer): Reply {
  return decode(message) as Reply;
}

/** What a resolver answers, read by dns-packet; fails if there is no answer. */
export async function answer(
  resolver: Resolver,
  asker: Client,
  message: Buffer,
  transport: "udp" | "tcp" = "udp",
): Promise<Reply> {
  const reply = await resolver.resolve(message, asker, transport);
  if (reply === undefined) throw new Error("no answer");
  return read(reply);
}

export interface Sockets {
  readonly udp: Socket;
  readonly tcp: Server;
  readonly port: number;
}

/** UDP and TCP on one port of the loopback interface, that nobody serves yet. */
export async function sockets(): Promise<Sockets> {
  for (;;) {
    const tcp = createServer().listen(0, "127.0.0.1", 4096);
    await once(tcp, "listening");
    const address = tcp.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const udp = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
    // Another test may have the port by UDP.
    const bound = once(udp, "listening").catch(() => undefined);
    udp.bind(port, "127.0.0.1");
    if ((await bound) !== undefined) return { udp, tcp, port };
    tcp.close();
  }
}

/** Serves a client of a resolver on sockets for one test. */
export async function serve(resolver: Resolver, asker: Client): Promise<{ port: number; close: () => Promise<void> }> {
  const { udp, tcp, port } = await sockets();
  // Not a spread: its properties may be getters.
  const served = resolver.serve({
    udp,
    tcp,
    get names() {
      return asker.names;
    },
    get upstreams() {
      return asker.upstreams;
    },
  });
  onTestFinished(() => served.close());
  return { port, close: () => served.close() };
}

/** Sends one datagram and waits for the answer. */
export async function askUdp(port: number, message: Buffer): Promise<Buffer> {
  const socket = createSocket("udp4");
  try {
    socket.send(message, port, "127.0.0.1");
    const [reply] = (await once(socket, "message")) as [Buffer];
    return reply;
  } finally {
    socket.close();
  }
}

/** A connection for one test. */
export async function connected(port: number): Promise<TcpSocket> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Resolves when the other end has ended the connection, be it by a reset. */
export async function ended(socket: TcpSocket): Promise<void> {
  socket.on("error", () => socket.destroy()).resume();
  if (!socket.closed) await new Promise((closed) => socket.once("close", closed));
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The messages of a stream, as they come; it stays open for those who want no more. */
export async function* messages(socket: TcpSocket): AsyncGenerator<Buffer, void> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      const end = 2 + received.readUInt16BE();
      yield received.subarray(2, end);
      received = received.subarray(end);
    }
  }
}

export const loopback: Ip = parseIp("127.0.0.1");
