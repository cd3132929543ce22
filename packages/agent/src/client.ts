/**
 * The thin way to an agent: what a command needs to tell it of a change, without loading more than a socket.
 *
 * @packageDocumentation
 */
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { instanceOf, NetkitError } from "@netkit/core";
import type { AgentLink } from "@netkit/engine";
import { Answer } from "./answer.ts";
import type { Status } from "./status.ts";
import { isNobodyThere, timedOut, unavailable } from "./unreachable.ts";

export { checkEventTypes, eventTypes } from "./event-types.ts";
export { isNobodyThere } from "./unreachable.ts";

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

/**
 * One request over HTTP/1.0: the answer ends with the connection. `onLine` gets the lines of a stream as they come.
 * @throws NetkitError AGENT_NOT_FOUND, AGENT_UNAVAILABLE, whose details hold the socket error's `code`; what the agent answered with
 */
export async function askAgent(path: string, request: AgentRequest, onLine?: (line: string) => void): Promise<unknown> {
  const socket = connect(path);
  socket.on("connect", () => socket.write(bytesOf(request)));
  return await answerOn(socket, path, new Answer(onLine), request);
}

function bytesOf({ method, target, body }: AgentRequest): Buffer {
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}`;
  return Buffer.from(`${method} ${target} HTTP/1.0\r\n${headers}\r\n\r\n${text}`);
}

/** What comes until the connection ends. */
async function answerOn(
  socket: Socket,
  path: string,
  answer: Answer,
  { timeoutMs = 30_000, signal }: Pick<AgentRequest, "timeoutMs" | "signal">,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  socket.setTimeout(timeoutMs, () => socket.destroy(timedOut(path, timeoutMs)));
  socket.on("data", (chunk) => {
    if (answer.isStream) socket.setTimeout(0);
    answer.take(chunk);
  });
  socket.on("error", (error: NodeJS.ErrnoException) =>
    reject(error instanceof NetkitError ? error : unavailable(path, error.code ?? "", error)),
  );
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

export interface AgentLinkOptions {
  /** Absolute. */
  readonly root: string;
  /** Starts an agent and returns once it serves. */
  readonly start: () => Promise<void>;
  /** Told what went wrong; the change itself stands. */
  readonly warn: (error: NetkitError) => void;
  /** See {@link AgentLink}. */
  readonly engines?: readonly string[];
}

type Ask = (path: string, request: AgentRequest) => Promise<unknown>;

/** An agent that takes longer is of no use. */
const patienceMs = 10_000;

/** Tells the agent of changes, and starts one when something needs it or the last one has died. */
export function agentLink({ root, start, warn, engines = [] }: AgentLinkOptions): AgentLink {
  const path = agentSocket(root);
  /** There may be no socket yet, or the one of an agent that was killed: then one is started, and asked. */
  const asked = async (request: AgentRequest, ask: Ask, again = ask): Promise<void> => {
    await ask(path, request).catch(async (error: unknown) => {
      if (!isNobodyThere(error)) throw error;
      await start();
      await again(path, request);
    });
  };
  return {
    engines,
    async changed({ revision, needed, isReady }) {
      // Most commands of most hosts end here, and load no network code of Node for it.
      if (!needed && !existsSync(path)) return;
      const sync: AgentRequest = { method: "POST", target: "/v1/sync", body: { revision }, timeoutMs: patienceMs };
      const tell = async (ask: Ask): Promise<void> => {
        await asked(sync, ask, askShortly).catch((error: unknown) => warn(error as NetkitError));
      };
      if (isReady !== true) return await tell(askShortly);
      // The kernel has who is woken take the place of who wakes it, for half a millisecond: not before the caller goes on.
      setImmediate(() => void tell(mention));
    },
    async serves(engine) {
      if (!existsSync(path)) return false;
      const asked = askAgent(path, { method: "GET", target: "/v1/status", timeoutMs: patienceMs });
      return await asked.then(
        (status) => engine === undefined || (status as Status).engines.includes(engine),
        () => false,
      );
    },
    async sharing() {
      if (!existsSync(path)) return undefined;
      try {
        const status = await askAgent(path, { method: "GET", target: "/v1/status", timeoutMs: patienceMs });
        const { shares, holdsLease, storeAway: away, troubles } = status as Status;
        return shares ? { holdsLease, ...(away === undefined ? {} : { away }), troubles } : undefined;
      } catch {
        return undefined;
      }
    },
    async troubles() {
      if (!existsSync(path)) return undefined;
      const asked = askAgent(path, { method: "GET", target: "/v1/status", timeoutMs: patienceMs });
      return await asked.then(
        (status) => (status as Status).troubles,
        () => undefined,
      );
    },
    async share() {
      await asked({ method: "POST", target: "/v1/share", timeoutMs: 2 * patienceMs }, askAgent);
    },
    async expect(namespace) {
      if (!existsSync(path)) return undefined;
      const request = { method: "POST", target: "/v1/expect", body: { namespace }, timeoutMs: patienceMs } as const;
      try {
        const begun = await begin(path, request);
        return {
          async met() {
            // Who can't say so is told of the change and waited for, as ever.
            const answer = await begun.answer().catch(() => undefined);
            return (answer as { readonly serving: boolean } | undefined)?.serving === true;
          },
          [Symbol.dispose]: () => begun.leave(),
        };
      } catch {
        return undefined;
      }
    },
  };
}

/** A request whose answer is waited for later. */
interface Asked {
  answer(): Promise<unknown>;
  leave(): void;
}

/** As {@link askAgent}, for what is answered at once: on the thread itself. */
async function begin(path: string, request: AgentRequest): Promise<Asked> {
  // It needs what a change of the kernel has loaded already.
  const { hear, leave, say } = await import("./exchange.ts");
  const fd = say(path, bytesOf(request));
  return {
    async answer() {
      const answer = new Answer();
      let isHeard: boolean;
      try {
        isHeard = hear(path, fd, answer);
      } catch (error) {
        leave(fd);
        throw error;
      }
      if (!isHeard) {
        // A class can't be loaded by its first call, as functions are (cli/build.mjs).
        const { Socket } = process.getBuiltinModule("node:net");
        return await answerOn(new Socket({ fd }), path, answer, request);
      }
      leave(fd);
      return answer.end(path);
    },
    leave: () => leave(fd),
  };
}

async function askShortly(path: string, request: AgentRequest): Promise<void> {
  await (await begin(path, request)).answer();
}

/** Nobody waits for the answer. */
async function mention(path: string, request: AgentRequest): Promise<void> {
  (await begin(path, request)).leave();
}
