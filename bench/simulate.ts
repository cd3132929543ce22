/**
 * The control plane of many hosts alone: real replicas and a real etcd, and no kernel. Its figures are those of this machine,
 * which plays all of them at once; packages/driver-overlay/SCALE.md says what follows from them.
 */
import { mkdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { callsBetween, etcdLoad, type EtcdLoad } from "@netkit/testing";
import type { Caller } from "@netkit/testing/calls";
import { serverAddress, Segment } from "./hosts/segment.ts";
import { median, numbers, p99 } from "./pairs.ts";
import { ms, type Row } from "./report.ts";
import { measureKernelMemory } from "./simulation/kernel-memory.ts";
import type { Crowd, CrowdCalls, Usage } from "./simulation/replicas.program.ts";

interface Plan {
  readonly hosts: number;
  /** Endpoints that there are before. */
  readonly endpoints: number;
  /** Attached one by one, the next one once all hosts have the last. */
  readonly single: number;
  /** Attached as fast as the store takes them. */
  readonly burst: number;
}

/** On memory: the disk isn't what is measured, and hosts have one each. */
const root = "/run/netkit/simulation";
/** What passes between two renewals of a host. */
const restMs = 20_000;
/** More would keep each other from answering etcd in time. */
const perProcess = 100;

export async function measureSimulation(quick: boolean): Promise<Row[]> {
  const many: Plan = { hosts: quick ? 100 : 1_000, endpoints: 100, single: quick ? 10 : 20, burst: 100 };
  const large: Plan = { hosts: 4, endpoints: quick ? 2_000 : 10_000, single: 5, burst: 100 };
  // etcd's files too.
  mkdirSync(root, { recursive: true });
  process.env["TMPDIR"] = root;
  const kernel = measureKernelMemory(quick ? 10_000 : 50_000);
  return [
    ...(await simulate(many, "many")),
    ...(await simulate(large, "large")),
    {
      id: "simulate-kernel",
      what: "the kernel's memory for a remote endpoint",
      value: kernel.bytes / 1e3,
      unit: "kB",
      how: `${count(kernel.endpoints)} endpoints, three entries each, programmed in ${ms(kernel.ms)}`,
      data: { ...kernel },
    },
  ];
}

async function simulate({ hosts, endpoints, single, burst }: Plan, name: string): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using segment = await Segment.open(root);
  const load = async (): Promise<EtcdLoad> => await etcdLoad(segment.wire, serverAddress);
  const crowd: Crowd = {
    root: `${root}/${name}`,
    store: `etcd://${serverAddress}:2379/?timeout-ms=60000`,
    link: "wire",
  };
  const begin = async (): Promise<Caller<CrowdCalls>> =>
    await segment.fork<CrowdCalls>("replicas.program.js", [JSON.stringify(crowd)], segment.wire);
  const writer = await begin();
  await writer.call("start", 0, 1);
  await writer.call("createNetwork");
  await writer.call("attach", 1, endpoints);

  const before = await load();
  const counts = numbers(0, Math.ceil(hosts / perProcess)).map((index) =>
    Math.min(perProcess, hosts - index * perProcess),
  );
  const processes: Caller<CrowdCalls>[] = [];
  for (const _ of counts) processes.push(await begin());
  const all = async <T>(work: (process: Caller<CrowdCalls>, index: number) => Promise<T>): Promise<T[]> =>
    await Promise.all(processes.map(work));
  const usage = async (): Promise<Usage> => {
    const each = await all(async (process) => await process.call("usage"));
    const sum = (what: keyof Usage): number => each.reduce((total, one) => total + one[what], 0);
    return { rss: sum("rss"), resources: sum("resources"), cpu: sum("cpu"), complaints: sum("complaints") };
  };
  const empty = await usage();
  const started = performance.now();
  await all(async (process, index) => await process.call("start", 1 + index * perProcess, counts[index] ?? 0));
  const startMs = performance.now() - started;
  const settled = await usage();
  const known = await load();

  const heard: number[] = [];
  const last: number[] = [];
  let next = endpoints + 1;
  for (const _ of numbers(0, single)) {
    const { ids, returned } = await writer.call("attach", next++, 1);
    const each = await all(async (process) => await process.call("times", ids[0] ?? ""));
    const since = (time: number): number => Math.max(0, time - (returned[0] ?? 0));
    heard.push(...each.flatMap((times) => times.heard.map(since)));
    last.push(Math.max(...each.flatMap((times) => times.taken.map(since))));
  }

  const resting = await load();
  await setTimeout(restMs);
  const [quiet, calm] = [await load(), await usage()];
  const restCpu = quiet.cpuSeconds - resting.cpuSeconds;
  const burstStarted = performance.now();
  const { ids } = await writer.call("attach", next, burst);
  const committedMs = performance.now() - burstStarted;
  await all(async (process) => await process.call("times", ids.at(-1) ?? ""));
  const takenMs = performance.now() - burstStarted;
  const [after, busy] = [await load(), await usage()];
  const perAttach = (what: number): number => what / burst;
  const title = `${count(hosts)} hosts, ${count(endpoints)} endpoints`;
  const row = (id: string, what: string, value: number, unit: Row["unit"], how: string): Row => ({
    id: `simulate-${name}-${id}`,
    what: `${title}: ${what}`,
    value,
    unit,
    how,
    data: {},
  });
  return [
    row(
      "start",
      "all start, and know all",
      startMs,
      "ms",
      `${((known.sent - before.sent) / 1e6).toFixed(0)} MB from etcd, of whose CPU ${(known.cpuSeconds - before.cpuSeconds).toFixed(1)} s; ${after.watchers} watches, ${settled.complaints} complaints`,
    ),
    row("heard", "an attach is heard of", median(heard), "ms", `p99 ${ms(p99(heard))}, ${single} attaches one by one`),
    row("taken", "the last host has taken it in", median(last), "ms", "all hosts on the cores of this machine"),
    row(
      "rate",
      "attaches that etcd takes",
      (burst / committedMs) * 1e3,
      "/s",
      `all hosts had ${burst} of them after ${ms(takenMs)}`,
    ),
    row(
      "bytes",
      "etcd sends for an attach to each host",
      perAttach(after.sent - quiet.sent) / hosts / 1e3,
      "kB",
      `${perAttach(after.received - quiet.received).toFixed(0)} B come to it`,
    ),
    row(
      "etcd-cpu",
      "CPU of etcd for an attach",
      perAttach(after.cpuSeconds - quiet.cpuSeconds) * 1e3,
      "ms",
      `${((perAttach(after.cpuSeconds - quiet.cpuSeconds) * 1e6) / hosts).toFixed(1)} µs for each host; it has ${(after.rss / 1e6).toFixed(0)} MB`,
    ),
    row(
      "rest",
      "CPU of etcd while nothing happens, of a core",
      (restCpu / restMs) * 1e5,
      "%",
      `${(callsBetween(resting, quiet)["LeaseKeepAlive"] ?? 0) / (restMs / 1e3)} renewals a second`,
    ),
    row(
      "host-cpu",
      "CPU of a host for an attach elsewhere",
      perAttach(busy.cpu - calm.cpu) / hosts,
      "ms",
      `${count(busy.resources)} resources counted on all hosts`,
    ),
    row(
      "host-memory",
      "memory of a host's replica",
      (settled.rss - empty.rss) / hosts / 1e6,
      "MB",
      `${((settled.rss - empty.rss) / hosts / endpoints / 1e3).toFixed(1)} kB for each endpoint and host that there is`,
    ),
  ];
}

function count(number: number): string {
  return number.toLocaleString("en");
}
