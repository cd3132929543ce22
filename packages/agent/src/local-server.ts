import { lstatSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { NetkitError } from "@netkit/core";
import { Footing } from "./ground.ts";

/** Bodies are a few hundred bytes; a thousand published ports are 30 KB. */
const maxBodyBytes = 1024 * 1024;

/** How long requests that came before may take when the agent ends. */
const closeTimeoutMs = 2_000;

/** A server on a Unix socket. */
export interface LocalServer {
  /** False once its socket was taken away: nobody finds it any more. */
  readonly isThere: boolean;
  /** Leaves those that it has to themselves, and its path to whoever is there now. */
  leave(): void;
  /** Takes no further requests, and resolves when those that came have been answered. */
  close(): Promise<void>;
}

/**
 * HTTP on a Unix socket that only root can open.
 * @param ending called when it closes, for whoever has streams
 * @throws NetkitError AGENT_UNAVAILABLE where something else has its path, or there can be no socket
 */
export async function serveLocally(
  path: string,
  respond: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ending: () => void = () => {},
): Promise<LocalServer> {
  const server = createServer((request, response) => {
    // A client that has gone is no matter of ours.
    response.on("error", () => {});
    void respond(request, response);
  });
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
      ending();
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

export function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}

/**
 * The JSON of a request's body; undefined: it has none.
 * @throws NetkitError ARGUMENT_INVALID
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new NetkitError("ARGUMENT_INVALID", "the body is no JSON", { cause });
  }
}

/**
 * A request's body; undefined: it has none.
 * @throws NetkitError ARGUMENT_INVALID
 */
export async function readText(request: IncomingMessage, most: number = maxBodyBytes): Promise<string | undefined> {
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
  return Buffer.concat(chunks).toString();
}
