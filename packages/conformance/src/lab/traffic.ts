import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, isIPv6 } from "node:net";
import type { Space } from "./space.ts";
import { timeScale } from "./time-scale.ts";

/** Where traffic goes to. */
export interface Target {
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
}

export interface Outcome {
  /** `ok`: an answer came; `refused`: somebody said no (a reset, an ICMP error); `timeout`: nobody said anything. */
  readonly status: "ok" | "refused" | "timeout";
  /** The address that the server saw, in plain IPv4 form where it is one. */
  readonly source?: string;
}

const stepMs = 25;

/** Servers that answer with the address they see, one TCP and one UDP, on all addresses of both families. */
export interface Echo extends AsyncDisposable {
  readonly port: number;
}

/** Listens in `space` on `port`, or on a free one. */
export async function serve(space: Space, port = 0): Promise<Echo> {
  using _ = space.enter();
  const tcp = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(plain(socket.remoteAddress ?? ""));
  });
  tcp.listen({ port, host: "::" });
  await once(tcp, "listening");
  const bound = (tcp.address() as { port: number }).port;
  const udp = createSocket("udp6");
  udp.on("message", (_message, from) => udp.send(plain(from.address), from.port, from.address));
  udp.bind(bound, "::");
  await once(udp, "listening");
  return {
    port: bound,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await once(tcp, "close");
    },
  };
}

/** Sends from `space` to `target` and waits for the answer of an {@link Echo}, for NETKIT_TIME_SCALE times as long as said. */
export async function reach(space: Space, target: Target, timeoutMs = 3000): Promise<Outcome> {
  using _ = space.enter();
  const limitMs = timeoutMs * timeScale;
  return target.protocol === "tcp" ? await reachTcp(target, limitMs) : await reachUdp(target, limitMs);
}

/** One echo request and its answer, by the program ping. */
export async function ping(space: Space, address: string, timeoutSeconds = 2): Promise<boolean> {
  try {
    await space.exec(["ping", "-n", "-q", "-c", "1", "-W", String(timeoutSeconds * timeScale), address]);
    return true;
  } catch {
    return false;
  }
}

async function reachTcp({ address, port }: Target, timeoutMs: number): Promise<Outcome> {
  const socket = connect({ host: address, port });
  let source = "";
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  using _ = waitFor(timeoutMs, () => resolve({ status: "timeout" }));
  socket.on("data", (data: Buffer) => (source += data.toString()));
  socket.on("end", () => resolve({ status: "ok", source }));
  socket.on("error", (error: NodeJS.ErrnoException) =>
    resolve({ status: error.code === "ETIMEDOUT" ? "timeout" : "refused" }),
  );
  const outcome = await promise;
  socket.destroy();
  return outcome;
}

async function reachUdp({ address, port }: Target, timeoutMs: number): Promise<Outcome> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  using _ = waitFor(timeoutMs, () => resolve({ status: "timeout" }));
  socket.on("message", (data) => resolve({ status: "ok", source: data.toString() }));
  socket.on("error", () => resolve({ status: "refused" }));
  // A connected socket learns of ICMP errors.
  socket.connect(port, address, (error?: Error) => {
    if (error) resolve({ status: "refused" });
    else socket.send("?");
  });
  const outcome = await promise;
  socket.close();
  return outcome;
}

/**
 * Calls back after a time, unless it is disposed of before. Of what holds up the process, and with it whoever answers here, only so much
 * counts as one step: on a busy machine it isn't the others' silence.
 */
function waitFor(ms: number, over: () => void): Disposable {
  let steps = Math.ceil(ms / stepMs);
  const timer = setInterval(() => {
    steps--;
    if (steps <= 0) over();
  }, stepMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function plain(address: string): string {
  return address.replace(/^::ffff:/, "");
}
