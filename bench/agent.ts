/** The rows about the agent, which has a process of its own; for a private host (see bench.ts). */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { agentSocket, askAgent } from "@netkit/agent/client";
import { command } from "./command.ts";
import { attaching, openLibrary, portsOf } from "./library.ts";
import { measurePairs, numbers, summarise, type Side } from "./pairs.ts";
import { ms, type Row } from "./report.ts";

const warmUps = 250;

export async function measureAgent(
  root: string,
  { pairs, endpoints }: { pairs: number; endpoints: number },
): Promise<Row[]> {
  // As the command starts one.
  const words = ["--max-semi-space-size=2", command, "agent", "--root", root, "--ready-fd", "3"];
  const server = spawn(process.execPath, words, {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  await once(server.stdio[3] as Readable, "data");
  try {
    return [await connecting(root, pairs), ...(await resting(root, server, endpoints))];
  } finally {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
}

/** Through the agent, with a name server in the sandbox when it answers, beside the library, which has no names. */
async function connecting(root: string, pairs: number): Promise<Row> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using netkit = await openLibrary(root);
  await netkit.networks.create({ name: "agent", subnets: [{ subnet: "10.8.0.0/16" }] });
  await netkit.networks.create({ name: "library", subnets: [{ subnet: "10.9.0.0/16" }] });
  const ask = async (method: "POST" | "DELETE", target: string, body?: unknown): Promise<unknown> =>
    await askAgent(agentSocket(root), { method, target, body });
  const through: Side<number> = {
    before: async (number) => {
      await ask("POST", "/v1/sandboxes", { name: `agent-${number}` });
      return number;
    },
    // Otherwise it would take in first what the library has done meanwhile.
    ready: async () => await ask("POST", "/v1/sync", { revision: 0 }),
    timed: async (number) =>
      await ask("POST", `/v1/sandboxes/agent-${number}/endpoints`, { network: "agent", publish: portsOf(number) }),
    after: async (number) => void (await ask("DELETE", `/v1/sandboxes/agent-${number}?force=true`)),
  };
  // Host ports of their own: the other side's are in use at the same time.
  const direct = attaching(netkit, "library", false);
  const beside: typeof direct = { ...direct, before: (round) => direct.before(round + 2_000) };
  await measurePairs(numbers(2, warmUps), through, beside);
  const summary = summarise(await measurePairs(numbers(2, pairs), through, beside));
  const { medianA, medianB, minA, ratioOfMedians, medianOfRatios } = summary;
  return {
    id: "agent-connect",
    what: "agent: connect with names and 10 ports, to the library",
    value: ratioOfMedians,
    unit: "x",
    budget: 1.3,
    how: `${ms(medianA)} (min ${minA.toFixed(2)}) to ${ms(medianB)}, median of ratios ${medianOfRatios.toFixed(2)}, ${summary.pairs} pairs`,
    data: { ...summary },
  };
}

async function resting(root: string, { pid }: ChildProcess, endpoints: number): Promise<Row[]> {
  const ask = async (target: string, body: unknown): Promise<unknown> =>
    await askAgent(agentSocket(root), { method: "POST", target, body });
  for (const number of numbers(0, endpoints))
    await ask("/v1/sandboxes", { name: `rest-${number}`, networks: ["agent"] });
  const seconds = 10;
  // V8 tidies up some seconds after a burst of work: that isn't rest yet.
  await setTimeout(seconds * 1_000);
  const before = runtimeMs(pid);
  await setTimeout(seconds * 1_000);
  const cpu = (runtimeMs(pid) - before) / 1_000 / seconds;
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_000;
  const how = `${endpoints} sandboxes with names`;
  return [
    {
      id: "agent-cpu",
      what: "agent: CPU at rest, of a core",
      value: cpu * 100,
      unit: "%",
      budget: 0.1,
      how: `${how}, ${seconds} s`,
      data: { cpu, seconds, endpoints },
    },
    {
      id: "agent-memory",
      what: "agent: RSS at rest",
      value: rss,
      unit: "MB",
      budget: 150,
      how,
      data: { rss, endpoints },
    },
  ];
}

/** The time that a process' threads have run, in ms: the first field of each one's schedstat (Documentation/scheduler/sched-stats.rst). */
function runtimeMs(pid: number | undefined): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const runtimes = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "latin1").split(" ")[0]),
  );
  return runtimes.reduce((sum, ns) => sum + ns / 1e6, 0);
}
