/** gRPC over HTTP/2 (grpc.io, "gRPC over HTTP2"), by Node's own client. */
import { once } from "node:events";
import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContextOptions } from "node:tls";
import type { Rpc } from "./rpc.ts";

/** The statuses that netkit tells apart (google.rpc.Code). */
export const statuses = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** What the server answered instead of a message. */
export class StatusError extends Error {
  /** google.rpc.Code. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The server has closed a connection before it said anything. */
export class ClosedError extends Error {
  constructor() {
    super("the server has closed the connection without a word");
  }
}

/** How often a server is asked for a sign of life while somebody waits for it. etcd takes offence below 5 s. */
const pingMs = 10_000;
const pongMs = 5_000;

export interface CallOptions {
  /** Metadata. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends it: the promise or the iteration rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** One server, as long as the TCP connection lives. An idle one doesn't keep the process alive. */
export class Connection {
  readonly #session: ClientHttp2Session;
  #streams = 0;
  #ping: NodeJS.Timeout | undefined;
  #failure: Error | undefined;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    session.on("error", (error) => (this.#failure ??= error));
    session.on("close", () => clearInterval(this.#ping));
    session.unref();
  }

  /** @throws what the network or TLS says; the signal's reason */
  static async open(url: string, tls: SecureContextOptions, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const socket = connectSocket(new URL(url), tls);
    const session = connectHttp2(url, { createConnection: () => socket });
    try {
      await hasAnswered(session, socket, signal);
    } catch (error) {
      session.on("error", () => {});
      session.destroy();
      // The session leaves one that is still connecting to the kernel, which goes on for two minutes where packets are dropped.
      socket.destroy();
      signal.throwIfAborted();
      throw error;
    }
    return new Connection(session);
  }

  /** False once it has ended, or the server will take no more requests. */
  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  close(): void {
    this.#session.destroy();
  }

  /** The only answer to one request. @throws StatusError; what the network says; the signal's reason */
  async call<Request, Response>(
    rpc: Rpc<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    let answer: Response | undefined;
    for await (const response of this.stream(rpc, request, options, true)) answer = response;
    if (answer !== undefined) return answer;
    throw new StatusError(statuses.unavailable, "the server ended the call without an answer");
  }

  /** The answers to one request. It can be left at any time. @throws as {@link call} */
  async *stream<Request, Response>(
    rpc: Rpc<Request, Response>,
    request: Request,
    { headers, signal }: CallOptions,
    /** The server hears that there is nothing more to come. */
    ends = false,
  ): AsyncGenerator<Response> {
    signal.throwIfAborted();
    const stream = this.#session.request({
      ":method": "POST",
      ":path": rpc.path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    const status = statusOf(stream);
    const abort = (): void => void stream.destroy();
    signal.addEventListener("abort", abort);
    this.#began();
    try {
      stream.write(frame(rpc.request.encode(request)));
      if (ends) stream.end();
      for await (const bytes of frames(stream)) yield rpc.response.decode(bytes);
      signal.throwIfAborted();
      const { code, message } = await status;
      if (code !== 0) throw new StatusError(code, message);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof StatusError) throw error;
      // Of several that follow from one another, the connection's tells most.
      throw this.#failure ?? error;
    } finally {
      signal.removeEventListener("abort", abort);
      stream.destroy();
      this.#ended();
    }
  }

  #began(): void {
    if (this.#streams++ > 0) return;
    this.#session.ref();
    this.#ping = setInterval(() => this.#sendPing(), pingMs);
  }

  #ended(): void {
    if (--this.#streams > 0) return;
    clearInterval(this.#ping);
    if (this.usable) this.#session.unref();
  }

  #sendPing(): void {
    if (!this.usable) return;
    const silent = setTimeout(() => {
      this.#session.destroy(new Error(`the server has been silent for ${pongMs} ms`));
    }, pongMs).unref();
    const sent = this.#session.ping(() => clearTimeout(silent));
    if (!sent) clearTimeout(silent);
  }
}

/** What `connect` of node:http2 would make, for whoever has to destroy it. */
function connectSocket({ protocol, hostname, port }: URL, tls: SecureContextOptions): Socket {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const to = { host, port: Number(port) };
  if (protocol === "http:") return connectTcp(to);
  const name = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ ...tls, ...to, ...name, ALPNProtocols: ["h2"] });
}

/**
 * Resolves with the first that the server itself says; a connection alone can be the work of a kernel whose process has
 * stopped. One that is closed in due form, as by the kernel of a process that was killed, is no error to the session; nor is
 * one that is refused for the client's certificate, until it is destroyed.
 */
async function hasAnswered(session: ClientHttp2Session, socket: Socket, signal: AbortSignal): Promise<void> {
  using listening = new DisposableStack();
  const heard = listening.adopt(new AbortController(), (controller) => controller.abort());
  const options = { signal: AbortSignal.any([signal, heard.signal]) };
  await Promise.race([
    once(session, "remoteSettings", options),
    once(session, "close", options).then(() => {
      throw new ClosedError();
    }),
    once(socket, "error", options).then(([error]) => {
      throw error;
    }),
  ]);
}

/** Headers or, where there was a message before, trailers. */
function statusOf(stream: ClientHttp2Stream): Promise<{ code: number; message: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; message: string }>();
  const take = (headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void => {
    const { ":status": http, "grpc-status": code, "grpc-message": text = "" } = headers;
    if (code !== undefined) resolve({ code: Number(code), message: decodeURIComponent(String(text)) });
    else if (typeof http === "number" && http !== 200) {
      resolve({ code: statuses.unavailable, message: `the server answers with HTTP status ${http}` });
    }
  };
  stream.on("response", take);
  stream.on("trailers", take);
  stream.on("close", () =>
    resolve({ code: statuses.unavailable, message: "the server ended the call without a status" }),
  );
  return promise;
}

/** A message with its prefix: not compressed, and its length. */
function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

async function* frames(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    parts.push(chunk);
    length += chunk.length;
    for (;;) {
      const wanted = wantedBytes(parts, length);
      if (wanted === undefined || length < wanted) break;
      const bytes = Buffer.concat(parts);
      yield bytes.subarray(5, wanted);
      parts = [bytes.subarray(wanted)];
      length -= wanted;
    }
  }
}

/** How long the frame is that begins `parts`; undefined while that isn't known. */
function wantedBytes(parts: Buffer[], length: number): number | undefined {
  if (length < 5) return undefined;
  if ((parts[0]?.length ?? 0) < 5) parts.splice(0, parts.length, Buffer.concat(parts));
  return 5 + (parts[0]?.readUInt32BE(1) ?? 0);
}
