/** The rows about the resolver, which has a process of its own and so one core; its clients have another. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { json } from "node:stream/consumers";
import { parseIp, type Ip } from "@netkit/core";
import { createResolver, type Names } from "@netkit/dns";
import type { Asked } from "./dns-client.ts";
import { goAhead } from "./ahead.ts";
import { median, numbers } from "./pairs.ts";
import type { Row } from "./report.ts";

const address = "127.0.0.11";
/** What a query without an answer costs its client: resolvers in programs wait 5 s (resolv.conf(5)). */
const lostMs = 5000;
const budget = { perSecond: 15_000, p99Ms: 5 };

/** Names of 1,000 sandboxes, as one of them sees them. */
export const names: readonly string[] = numbers(0, 1000).map((number) => `sandbox-${number}.my-network`);

export async function measureDns(seconds: number): Promise<Row[]> {
  // With its client.
  goAhead();
  const udp = createSocket({ type: "udp4", recvBufferSize: 1 << 20 }).bind(0, address);
  const tcp = createServer().listen(0, address);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  const served = createResolver().serve({ udp, tcp, names: ownNames(), upstreams: { servers: [] } });
  const { port } = udp.address();
  await client(port, "flood", 1);
  const started = process.cpuUsage();
  const flood = await client(port, "flood", seconds);
  const cpu = process.cpuUsage(started);
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  const paced = await client(port, `${budget.perSecond / 2}`, seconds);
  await served.close();
  const perSecond = flood.answers / flood.seconds;
  const lost = paced.asked - paced.answers;
  const latenciesMs = [...paced.latenciesMs, ...numbers(0, lost).map(() => lostMs)].toSorted((a, b) => a - b);
  const [p50, p99] = [median(latenciesMs), latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? lostMs];
  return [
    {
      id: "dns-rate",
      what: "resolver: answers from its names on one core",
      value: perSecond,
      unit: "/s",
      budget: budget.perSecond,
      how: `${(flood.answers / cpuSeconds).toFixed(0)} for each second of its CPU time`,
      data: { answers: flood.answers, seconds: flood.seconds, cpuSeconds },
    },
    {
      id: "dns-latency",
      what: `resolver: p99 at ${(budget.perSecond / 2).toLocaleString("en")} queries a second`,
      value: p99,
      unit: "ms",
      budget: budget.p99Ms,
      how: `p50 ${p50.toFixed(2)} ms, ${lost} of ${paced.asked} lost`,
      data: { p50, p99, asked: paced.asked, answers: paced.answers },
    },
  ];
}

function ownNames(): Names {
  const known = new Map<string, readonly Ip[]>(
    names.map((name, number) => [name, [parseIp(`10.7.${number >> 8}.${number & 255}`)]]),
  );
  return { addresses: (name) => known.get(name), pointer: () => undefined };
}

/** Asks from another process. */
async function client(port: number, rate: string, seconds: number): Promise<Asked> {
  const [, script = ""] = process.argv;
  const child = spawn(process.execPath, [script, "dns-client", `${address}:${port}`, rate, String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return (await json(child.stdout)) as Asked;
}
