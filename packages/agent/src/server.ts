import { lstatSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { NetkitError, toNetkitError, type ErrorKind } from "@netkit/core";
import type { Agent } from "./agent.ts";
import { streamEvents } from "./event-stream.ts";
import { Footing } from "./ground.ts";
import { findRoute, type Answer } from "./routes.ts";

/** Bodies are a few hundred bytes; a thousand published ports are 30 KB. */
const maxBodyBytes = 1024 * 1024;

/** What other engines say may list all that they know of. */
const maxTextBytes = 16 * maxBodyBytes;

/** How long requests that came before may take when the agent ends. */
const closeTimeoutMs = 2_000;

const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  "not-found": 404,
  conflict: 409,
  exhausted: 507,
  unsupported: 422,
  permission: 403,
  unavailable: 503,
  cancelled: 499,
  drift: 409,
  kernel: 500,
  internal: 500,
};

export interface ApiServer {
  /** False once its socket was taken away: nobody finds it any more. */
  readonly isThere: boolean;
  /** Leaves those that it has to themselves, and its path to whoever is there now. */
  leave(): void;
  /** Takes no further requests, and resolves when those that came have been answered. */
  close(): Promise<void>;
}

/**
 * The local API: HTTP and JSON on a Unix socket that only root can open.
 * @throws NetkitError AGENT_UNAVAILABLE where something else has its path, or there can be no socket
 */
export async function serveApi(path: string, agent: Agent): Promise<ApiServer> {
  const server = createServer((request, response) => void respond(agent, request, response));
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  makeRoom(path);
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  // The socket is there when this returns: root's alone from the beginning, whatever the directory is.
  const mask = process.umask(0o177);
  // Node removes the path that it was given when it closes, whatever is there by then: so that isn't the one.
  const made = `${path}.${process.pid}`;
  server.listen({ path: made, backlog: 511 }, resolve);
  process.umask(mask);
  try {
    await listening;
    renameSync(made, path);
  } catch (cause) {
    server.close();
    throw noSocket(path, cause);
  }
  const socket = new Footing(path);
  return {
    get isThere() {
      return socket.holds;
    },
    leave() {
      server.close();
      server.closeIdleConnections();
    },
    async close() {
      // Another agent's is not ours to remove: this one's root may be gone, and made anew.
      if (socket.holds) rmSync(path, { force: true });
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      agent.events.end();
      // Who has connected and says nothing is not waited for.
      const impatience = setTimeout(() => server.closeAllConnections(), closeTimeoutMs);
      await closed;
      clearTimeout(impatience);
    },
  };
}

/** Makes the directory. A socket in it is that of an agent that was killed, for the lock says that none runs. */
function makeRoom(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there === undefined || there.isSocket()) return;
    throw new Error(`a ${there.isDirectory() ? "directory" : "file"} is in its place`);
  } catch (cause) {
    throw noSocket(path, cause);
  }
}

function noSocket(path: string, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NetkitError("AGENT_UNAVAILABLE", `the agent can't listen at ${path}: ${why}`, {
    hint: "Take away what is there, or make room for it; netkit puts nothing but sockets there.",
    details: { path },
    cause,
  });
}

async function respond(agent: Agent, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A client that has gone is no matter of ours.
  response.on("error", () => {});
  try {
    const url = new URL(request.url ?? "/", "http://netkit");
    if (request.method === "GET" && url.pathname === "/v1/events") {
      streamEvents(agent.events, url.searchParams, response);
      return;
    }
    const route = findRoute(request.method ?? "", url);
    const body = route.takesText
      ? (await readBytes(request, maxTextBytes))?.toString()
      : parseJson(await readBytes(request));
    send(response, 200, await route.run(agent, body));
  } catch (cause) {
    const error = toNetkitError(cause);
    send(response, statuses[error.kind], { json: { error } });
  }
}

function send(response: ServerResponse, status: number, answer: Answer): void {
  if (response.destroyed) return;
  const [type, text] =
    "text" in answer
      ? ["text/plain; version=0.0.4; charset=utf-8", answer.text]
      : ["application/json", `${JSON.stringify(answer.json, plainly)}\n`];
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/** How many addresses an IPv6 subnet has left is more than a JSON number holds. */
function plainly(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

/** Undefined: there is none. */
async function readBytes(request: IncomingMessage, most = maxBodyBytes): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    // Read to its end and thrown away: who is still writing would not see an answer.
    if (length <= most) chunks.push(chunk);
  });
  await new Promise((resolve, reject) => request.on("end", resolve).on("error", reject));
  if (length === 0) return undefined;
  if (length > most) throw new NetkitError("ARGUMENT_INVALID", `a body of more than ${most} bytes`);
  return Buffer.concat(chunks);
}

function parseJson(bytes: Buffer | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch (cause) {
    throw new NetkitError("ARGUMENT_INVALID", "the body is no JSON", { cause });
  }
}
