import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { encode } from "dns-packet";
import { names } from "./dns.ts";
import { numbers } from "./pairs.ts";

export interface Asked {
  readonly asked: number;
  readonly answers: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** Queries under way at a time when as many are asked as are answered. */
const windows = 128;

/** Asks a resolver `rate` times a second, or as often as it answers, and tells how it went. */
export async function ask(server: string, rate: string, seconds: number): Promise<Asked> {
  const [address = "", port = ""] = server.split(":");
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22, sendBufferSize: 1 << 22 });
  socket.connect(Number(port), address);
  await once(socket, "connect");
  try {
    if (rate === "flood") return await flood(socket, seconds);
    await paced(socket, Number(rate), 1);
    return await paced(socket, Number(rate), seconds);
  } finally {
    socket.close();
  }
}

async function flood(socket: Socket, seconds: number): Promise<Asked> {
  const queries = messages();
  let [asked, answers] = [0, 0];
  const next = (): void => socket.send(queries[asked++ % queries.length] ?? "");
  socket.on("message", () => {
    answers++;
    next();
  });
  const started = performance.now();
  for (const _ of numbers(0, windows)) next();
  await wait(seconds * 1000);
  const elapsed = performance.now() - started;
  socket.removeAllListeners("message");
  return { asked, answers, seconds: elapsed / 1000, latenciesMs: [] };
}

/** Asks on, whether there are answers or not: a resolver that stops for a moment delays all that come in it. */
async function paced(socket: Socket, rate: number, seconds: number): Promise<Asked> {
  const queries = messages();
  const latenciesMs: number[] = [];
  const total = rate * seconds;
  const sentMs = new Float64Array(0x1_0000);
  const started = performance.now();
  socket.on("message", (reply) => latenciesMs.push(performance.now() - (sentMs[reply.readUInt16BE()] ?? 0)));
  for (let asked = 0; asked < total; await wait(1)) {
    for (const due = (performance.now() - started) * (rate / 1000); asked < Math.min(due, total); asked++) {
      const id = asked & 0xffff;
      const query = Buffer.from(queries[asked % queries.length] ?? "");
      query.writeUInt16BE(id);
      sentMs[id] = performance.now();
      socket.send(query);
    }
  }
  const elapsed = performance.now() - started;
  for (const deadline = performance.now() + 2000; latenciesMs.length < total && performance.now() < deadline;)
    await wait(1);
  socket.removeAllListeners("message");
  return { asked: total, answers: latenciesMs.length, seconds: elapsed / 1000, latenciesMs };
}

function messages(): Buffer[] {
  return names.map((name) => encode({ type: "query", flags: 0x100, questions: [{ type: "A", name }] }));
}
