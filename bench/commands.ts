/** The rows about whole processes of the command; for a private host (see bench.ts). */
import { spawnSync } from "node:child_process";
import { command } from "./command.ts";
import { measurePairs, numbers, summarise, type Side } from "./pairs.ts";
import { ms, type Row } from "./report.ts";

const network = "commands";
const warmUps = 4;

export async function measureCommands(pairs: number): Promise<Row[]> {
  netkit("network", "create", network);
  const sandboxes = numbers(0, warmUps + pairs).map((number) => `box-${number}`);
  for (const sandbox of sandboxes) netkit("sandbox", "create", "--name", sandbox, "--network", "none");
  for (const sandbox of sandboxes) netkit("network", "disconnect", "none", sandbox);
  const rows = [
    await compare("network ls", 2, pairs, () => netkit("network", "ls")),
    await compare("network connect", 3, pairs, (round) => netkit("network", "connect", network, `box-${round}`)),
    await compare("run --rm -- true", 5, pairs, () => netkit("run", "--rm", "--", "true")),
  ];
  // It would keep this host alive: its sandboxes still need it.
  netkit("agent", "stop");
  return rows;
}

function whole(work: (round: number) => void): Side<number> {
  return { before: (round) => round, timed: work };
}

async function compare(words: string, budget: number, pairs: number, run: (round: number) => void): Promise<Row> {
  const sides = [whole(run), whole(() => node("-e", "0"))] as const;
  await measurePairs(numbers(0, warmUps), ...sides);
  const summary = summarise(await measurePairs(numbers(warmUps, pairs), ...sides));
  const { medianA, medianB, ratioOfMedians, medianOfRatios } = summary;
  return {
    id: words.split(" ").slice(0, 2).join("-").replace("--", ""),
    what: `command: netkit ${words}, to node -e 0`,
    value: ratioOfMedians,
    unit: "x",
    budget,
    how: `${ms(medianA)} to ${ms(medianB)}, median of ratios ${medianOfRatios.toFixed(2)}, ${summary.pairs} pairs`,
    data: { ...summary },
  };
}

function netkit(...args: string[]): void {
  node(command, ...args);
}

function node(...args: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with status ${status}:\n${stderr}`);
}
