/** The rows about the agent, which has a process of its own; for a private host (see bench.ts). */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { agentLink, agentSocket, askAgent } from "@netkit/agent/client";
import { command } from "./command.ts";
import { attaching, openLibrary, portsOf } from "./library.ts";
import { measurePairs, numbers, summarise, type Side, type Summary } from "./pairs.ts";
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
    return [...(await connecting(root, pairs)), ...(await resting(root, server, endpoints))];
  } finally {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
}

/**
 * With names, which the agent serves when the call returns, beside the library without: by the library that tells the agent,
 * as the command does, and by the agent's API.
 */
async function connecting(root: string, pairs: number): Promise<Row[]> {
  const tell = agentLink({ root, start: () => Promise.reject(new Error("the agent is gone")), warn: raise });
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using telling = await openLibrary(root, tell);
  // oxlint-disable-next-line typescript/await-thenable -- as above
  await using netkit = await openLibrary(root);
  for (const [index, name] of ["told", "asked", "library"].entries())
    await netkit.networks.create({ name, subnets: [{ subnet: `10.${index + 7}.0.0/16` }] });
  const ask = async (method: "POST" | "DELETE", target: string, body?: unknown): Promise<unknown> =>
    await askAgent(agentSocket(root), { method, target, body });
  // Otherwise it would take in first what the library has done meanwhile.
  const ready = async (): Promise<unknown> => await ask("POST", "/v1/sync", { revision: 0 });
  const told: ReturnType<typeof attaching> = { ...attaching(telling, "told", false), ready };
  const asked: Side<number> = {
    before: async (number) => {
      await ask("POST", "/v1/sandboxes", { name: `asked-${number}` });
      return number;
    },
    ready,
    timed: async (number) =>
      await ask("POST", `/v1/sandboxes/asked-${number}/endpoints`, { network: "asked", publish: portsOf(number) }),
    after: async (number) => void (await ask("DELETE", `/v1/sandboxes/asked-${number}?force=true`)),
  };
  // Host ports of their own: the other side's are in use at the same time.
  const direct = attaching(netkit, "library", false);
  const beside: typeof direct = { ...direct, before: (round) => direct.before(round + 2_000) };
  const compare = async <T>(side: Side<T>): Promise<Summary> => {
    await measurePairs(numbers(2, warmUps), side, beside);
    return summarise(await measurePairs(numbers(2, pairs), side, beside));
  };
  return [
    { ...connectRow("", await compare(told)), budget: 1.3 },
    connectRow(", asked by its API", await compare(asked)),
  ];
}

function connectRow(how: string, summary: Summary): Row {
  const { medianA, medianB, minA, ratioOfMedians, medianOfRatios } = summary;
  return {
    id: how === "" ? "agent-connect" : "agent-connect-api",
    what: `agent: connect with names and 10 ports${how}, to the library`,
    value: ratioOfMedians,
    unit: "x",
    how: `${ms(medianA)} (min ${minA.toFixed(2)}) to ${ms(medianB)}, median of ratios ${medianOfRatios.toFixed(2)}, ${summary.pairs} pairs`,
    data: { ...summary },
  };
}

function raise(error: Error): never {
  throw error;
}

/** V8 tidies up at some time in the first minute after a burst of work: that isn't rest yet. */
const restTurns = 6;

async function resting(root: string, { pid }: ChildProcess, endpoints: number): Promise<Row[]> {
  const ask = async (target: string, body: unknown): Promise<unknown> =>
    await askAgent(agentSocket(root), { method: "POST", target, body });
  for (const number of numbers(0, endpoints))
    await ask("/v1/sandboxes", { name: `rest-${number}`, networks: ["told"] });
  const seconds = 10;
  // It wakes as often, and does nothing: what that takes is the machine's, and differs from hour to hour.
  const waking = "setInterval(() => {}, 1_000); process.stdin.on('end', () => process.exit()).resume()";
  const idle = spawn(process.execPath, ["-e", waking], { stdio: ["pipe", "ignore", "ignore"] });
  const turns: { readonly agent: number; readonly idle: number }[] = [];
  for (let turn = 0; turn < restTurns; turn++) {
    const before = { agent: runtimeMs(pid), idle: runtimeMs(idle.pid) };
    await setTimeout(seconds * 1_000);
    const share = (now: number, then: number): number => (now - then) / 1_000 / seconds;
    turns.push({ agent: share(runtimeMs(pid), before.agent), idle: share(runtimeMs(idle.pid), before.idle) });
  }
  idle.stdin.end();
  await once(idle, "exit");
  const least = (whose: "agent" | "idle"): number => Math.min(...turns.map((turn) => turn[whose]));
  const cpu = least("agent");
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_000;
  const how = `${endpoints} sandboxes with names`;
  const beside = `a Node process that only wakes as often: ${(least("idle") * 100).toFixed(2)} %`;
  return [
    {
      id: "agent-cpu",
      what: "agent: CPU at rest, of a core",
      value: cpu * 100,
      unit: "%",
      budget: 0.1,
      how: `${how}, the least of ${restTurns} times ${seconds} s; ${beside}`,
      data: { cpu, turns, seconds, endpoints },
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
