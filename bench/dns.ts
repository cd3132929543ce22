/** The rows about the resolver, which has a process of its own and so one core; its clients have another. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { json } from "node:stream/consumers";
import { parseIp } from "@netkit/core";
import { createResolver, type Names } from "@netkit/dns";
import type { Asked } from "./dns-client.ts";
import { goAhead } from "./ahead.ts";
import { median, numbers, p99 } from "./pairs.ts";
import { startAardvark, type Aardvark } from "./peers/aardvark.ts";
import type { Row } from "./report.ts";

const address = "127.0.0.11";
const theirs = { address: "127.0.0.12", port: 53 };
const theirFolder = "/run/netkit/aardvark";
/** What a query without an answer costs its client: resolvers in programs wait 5 s (resolv.conf(5)). */
const lostMs = 5000;
const budget = { perSecond: 15_000, p99Ms: 5 };
const paceFor = budget.perSecond / 2;
/** Each is asked in turns. */
const rounds = 2;

/** Names of 1,000 sandboxes, as one of them sees them. */
export const names: readonly string[] = numbers(0, 1000).map((number) => `sandbox-${number}.my-network`);

/** One that is asked, at an address and a port, and how it went. */
interface Asking {
  readonly server: string;
  readonly name: string;
  /** What its rows' ids end in. */
  readonly suffix: string;
  readonly flood: Asked[];
  readonly paced: Asked[];
}

export async function measureDns(seconds: number): Promise<Row[]> {
  // With its client.
  goAhead();
  const udp = createSocket({ type: "udp4", recvBufferSize: 1 << 20 }).bind(0, address);
  const tcp = createServer().listen(0, address);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  const served = createResolver().serve({ udp, tcp, names: ownNames(), upstreams: { servers: [] } });
  using aardvark = startAardvark(
    theirFolder,
    theirs,
    names.map((name, number) => ({ name, address: addressOf(number) })),
  );
  const own: Asking = {
    server: `${address}:${udp.address().port}`,
    name: "resolver",
    suffix: "",
    flood: [],
    paced: [],
  };
  const peers = aardvark === undefined ? [] : [peerOf(aardvark)];
  const all = [own, ...peers];
  for (const { server } of all) await client(server, "flood", 1);
  const started = process.cpuUsage();
  await takeTurns(all, async (one) => one.flood.push(await client(one.server, "flood", seconds / rounds)));
  const cpu = process.cpuUsage(started);
  await takeTurns(all, async (one) => one.paced.push(await client(one.server, `${paceFor}`, seconds / rounds)));
  await served.close();
  const answers = sumOf(own.flood, "answers");
  const each = `${(answers / ((cpu.user + cpu.system) / 1e6)).toFixed(0)} for each second of its CPU time`;
  return [
    { ...rateRow(own), budget: budget.perSecond, how: each },
    { ...latencyRow(own), budget: budget.p99Ms },
    ...peers.flatMap((one) => [rateRow(one), latencyRow(one), comparisonRow(own, one)]),
  ];
}

function peerOf({ version }: Aardvark): Asking {
  const name = `aardvark-dns (${version})`;
  return { server: `${theirs.address}:${theirs.port}`, name, suffix: "-aardvark", flood: [], paced: [] };
}

async function takeTurns(all: readonly Asking[], work: (one: Asking) => Promise<unknown>): Promise<void> {
  for (const round of numbers(0, rounds)) for (const one of round % 2 === 0 ? all : all.toReversed()) await work(one);
}

function rateRow({ flood, name, suffix }: Asking): Row {
  const [answers, seconds] = [sumOf(flood, "answers"), sumOf(flood, "seconds")];
  return {
    id: `dns-rate${suffix}`,
    what: `${name}: answers from its names on one core`,
    value: answers / seconds,
    unit: "/s",
    how: `${answers} in ${seconds.toFixed(0)} s`,
    data: { answers, seconds },
  };
}

function comparisonRow(ours: Asking, theirs: Asking): Row {
  const timeOf = ({ flood }: Asking): number => (sumOf(flood, "seconds") * 1e6) / sumOf(flood, "answers");
  const [own, other] = [timeOf(ours), timeOf(theirs)];
  return {
    id: `dns-rate-to${theirs.suffix}`,
    what: `time of an answer: netkit, ${ours.name}, to ${theirs.name}`,
    value: own / other,
    unit: "x",
    how: `${own.toFixed(1)} µs to ${other.toFixed(1)} µs`,
    data: { ours: ours.name, theirs: theirs.name },
  };
}

function latencyRow({ paced, name, suffix }: Asking): Row {
  const [asked, answers] = [sumOf(paced, "asked"), sumOf(paced, "answers")];
  const lost = asked - answers;
  const latenciesMs = [...paced.flatMap((one) => one.latenciesMs), ...numbers(0, lost).map(() => lostMs)];
  const [middle, last] = [median(latenciesMs), p99(latenciesMs)];
  return {
    id: `dns-latency${suffix}`,
    what: `${name}: p99 at ${paceFor.toLocaleString("en")} queries a second`,
    value: last,
    unit: "ms",
    how: `p50 ${middle.toFixed(2)} ms, ${lost} of ${asked} lost`,
    data: { p50: middle, p99: last, asked, answers },
  };
}

function sumOf(all: readonly Asked[], field: "asked" | "answers" | "seconds"): number {
  return all.reduce((sum, one) => sum + one[field], 0);
}

function ownNames(): Names {
  const known = new Map(names.map((name, number) => [name, [parseIp(addressOf(number))]]));
  return { addresses: (name) => known.get(name), pointer: () => undefined };
}

function addressOf(number: number): string {
  return `10.7.${number >> 8}.${number & 255}`;
}

/** Asks from another process. */
async function client(server: string, rate: string, seconds: number): Promise<Asked> {
  const [, script = ""] = process.argv;
  const child = spawn(process.execPath, [script, "dns-client", server, rate, String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return (await json(child.stdout)) as Asked;
}
