/**
 * The thin way to an agent: what a command needs to tell it of a change, without loading more than a socket.
 *
 * @packageDocumentation
 */
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { instanceOf, NetkitError, type ErrorCode } from "@netkit/core";
import type { AgentLink } from "@netkit/engine";

export { checkEventTypes, eventTypes } from "./event-types.ts";

/** Where the agent of a root listens; the directory is root's alone. `root` is absolute. */
export function agentSocket(root: string): string {
  return join("/run/netkit", `${instanceOf(root).mark}.sock`);
}

export interface AgentRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** The path with its query. */
  readonly target: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default 30 s; for a stream the time to its first line. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Errors of a socket that nobody listens on: it is not there, or its agent has died. */
const nobody = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);

/**
 * One request over HTTP/1.0: the answer ends with the connection. `onLine` gets the lines of a stream as they come.
 * @throws NetkitError AGENT_UNAVAILABLE, whose details hold the socket error's `code`; what the agent answered with
 */
export async function askAgent(
  path: string,
  { method, target, body, timeoutMs = 30_000, signal }: AgentRequest,
  onLine?: (line: string) => void,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const socket = connect(path);
  const text = body === undefined ? "" : JSON.stringify(body);
  const answer = new Answer(onLine);
  socket.setTimeout(timeoutMs, () => socket.destroy(timedOut(path, timeoutMs)));
  socket.on("connect", () => {
    const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}`;
    socket.write(`${method} ${target} HTTP/1.0\r\n${headers}\r\n\r\n${text}`);
  });
  socket.on("data", (chunk) => {
    if (onLine !== undefined) socket.setTimeout(0);
    answer.take(chunk);
  });
  socket.on("error", (error) => reject(unavailable(path, error)));
  socket.on("close", () => {
    try {
      resolve(answer.end(path));
    } catch (error) {
      reject(error);
    }
  });
  const abort = (): void => void socket.destroy(new NetkitError("CANCELLED", "cancelled", { cause: signal?.reason }));
  signal?.addEventListener("abort", abort);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", abort);
    socket.destroy();
  }
}

/** True for the error of {@link askAgent} that says that no agent runs. */
export function isNobodyThere(error: unknown): boolean {
  return error instanceof NetkitError && nobody.has(String(error.details["code"]));
}

export interface AgentLinkOptions {
  /** Absolute. */
  readonly root: string;
  /** Starts an agent and returns once it serves. */
  readonly start: () => Promise<void>;
  /** Told what went wrong; the change itself stands. */
  readonly warn: (error: NetkitError) => void;
}

/** An agent that takes longer is of no use. */
const patienceMs = 10_000;

/** Tells the agent of changes, and starts one when something needs it or the last one has died. */
export function agentLink({ root, start, warn }: AgentLinkOptions): AgentLink {
  const path = agentSocket(root);
  return {
    async changed({ revision, needed }) {
      // Most commands of most hosts end here, and load no network code of Node for it.
      if (!needed && !existsSync(path)) return;
      try {
        await tell(path, revision).catch(async (error: unknown) => {
          // There is no socket yet, or the one of an agent that was killed.
          if (!isNobodyThere(error)) throw error;
          await start();
          await tell(path, revision);
        });
      } catch (error) {
        warn(error as NetkitError);
      }
    },
    async serves() {
      if (!existsSync(path)) return false;
      const asked = askAgent(path, { method: "GET", target: "/v1/status", timeoutMs: patienceMs });
      return await asked.then(
        () => true,
        () => false,
      );
    },
  };
}

async function tell(path: string, revision: number): Promise<void> {
  await askAgent(path, { method: "POST", target: "/v1/sync", body: { revision }, timeoutMs: patienceMs });
}

/** An answer as it comes in: a status line, headers, a body. */
class Answer {
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #chunks: Buffer[] = [];
  #head: string | undefined;
  #rest = "";

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine;
  }

  take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#head === undefined) {
      const all = Buffer.concat(this.#chunks);
      const end = all.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#head = all.toString("latin1", 0, end);
      this.#chunks.splice(0, Infinity, all.subarray(end + 4));
    }
    if (this.#onLine !== undefined && this.#status() === 200) this.#lines(this.#onLine);
  }

  /** @throws NetkitError */
  end(path: string): unknown {
    const status = this.#status();
    const text = Buffer.concat(this.#chunks).toString();
    if (status === undefined) throw broken(path, "it ended the connection without an answer");
    if (status === 200 && this.#onLine !== undefined) return undefined;
    let value: unknown;
    try {
      value = text === "" ? undefined : JSON.parse(text);
    } catch {
      if (status === 200) return text;
      throw broken(path, `it answered with status ${status}`);
    }
    if (status === 200) return value;
    throw errorOf(value) ?? broken(path, `it answered with status ${status}`);
  }

  #status(): number | undefined {
    const digits = /^HTTP\/1\.[01] (\d{3})/.exec(this.#head ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits);
  }

  #lines(onLine: (line: string) => void): void {
    this.#rest += Buffer.concat(this.#chunks.splice(0)).toString();
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}

interface AnsweredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Record<string, unknown>;
}

function errorOf(value: unknown): NetkitError | undefined {
  const error = (value as { readonly error?: AnsweredError } | undefined)?.error;
  if (typeof error?.code !== "string") return undefined;
  const { code, message, hint, details } = error;
  return new NetkitError(code, message, { ...(hint === undefined ? {} : { hint }), ...(details && { details }) });
}

function unavailable(path: string, cause: Error): NetkitError {
  if (cause instanceof NetkitError) return cause;
  const { code = "" } = cause as NodeJS.ErrnoException;
  const none = nobody.has(code);
  return new NetkitError(
    "AGENT_UNAVAILABLE",
    `${none ? "no agent runs" : "the agent can't be reached"} (${path}: ${code})`,
    {
      hint: none
        ? "The next command that needs one starts it; 'netkit agent' runs one in the foreground."
        : "Is it netkit's, and are you root?",
      details: { path, code },
      cause,
    },
  );
}

function timedOut(path: string, timeoutMs: number): NetkitError {
  return new NetkitError("AGENT_UNAVAILABLE", `the agent has not answered for ${timeoutMs / 1_000} s (${path})`, {
    hint: "Its log is agent.log in the state directory; 'netkit agent stop' ends it, and the next command starts another.",
    details: { path },
  });
}

function broken(path: string, what: string): NetkitError {
  return new NetkitError("AGENT_UNAVAILABLE", `${path} is no agent of netkit's: ${what}`, {
    hint: "Is there another program's socket at this path?",
    details: { path },
  });
}
