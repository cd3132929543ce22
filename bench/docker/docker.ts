/** The rows about Docker's `network connect`, by its API, beside its own bridge; for a private host (see bench.ts). */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { findProgram } from "@netkit/testing";
import { DockerEngine, hasDocker } from "@netkit/testing/docker";
import { openSegment } from "@netkit/testing/hosts";
import type { Summary } from "../pairs.ts";
import { ms, type Row } from "../report.ts";

/** The first host port of each side's container; they run at the same time. */
const sides = [
  { network: "ours", create: "-d netkit --ipam-driver netkit", port: 20_000 },
  { network: "theirs", create: "-d bridge", port: 30_000 },
] as const;

const budgets = [
  { ports: 0, budget: 0.6 },
  { ports: 10, budget: 0.2 },
] as const;

export async function measureDocker(pairs: number): Promise<Row[]> {
  if (!hasDocker) {
    process.stderr.write("bench: there is no Docker here: 'npm run setup' brings it\n");
    return [];
  }
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using segment = await openSegment(1);
  const [host] = segment.hosts;
  if (host === undefined) throw new Error("the segment has no host");
  // With the firewall that it publishes ports by.
  // oxlint-disable-next-line typescript/await-thenable -- as above
  await using engine = await DockerEngine.start(host, { dockerd: ["--iptables=true"] });
  const docker = async (words: string): Promise<string> => await engine.docker(...words.split(" "));
  const rows: Row[] = [];
  for (const { create, network } of sides) await docker(`network create ${create} ${network}`);
  for (const { ports, budget } of budgets) {
    const containers = sides.map(({ network }) => `${network}-${ports}`);
    try {
      for (const { network, port } of sides) {
        const publish = Array.from({ length: ports }, (_, index) => `-p ${port + index}:${8000 + index} `).join("");
        await docker(`run -d --name ${network}-${ports} --network ${network} ${publish}box sleep 10000`);
      }
      // It is told by Docker, and only then knows that the container has started.
      await host.until(`netkit sandbox inspect ours-${ports}`);
      for (const { network } of sides) await docker(`network disconnect ${network} ${network}-${ports}`);
      // The bundle is flat.
      const program = join(import.meta.dirname, "connect.program.js");
      const socket = engine.api.replace("unix://", "");
      const measured = await host.exec([process.execPath, program, socket, String(ports), String(pairs)]);
      rows.push(connectRow(JSON.parse(measured) as Summary, ports, budget));
    } finally {
      await docker(`rm -f ${containers.join(" ")}`);
    }
  }
  for (const { network } of sides) await docker(`network rm ${network}`);
  return rows;
}

function connectRow(summary: Summary, ports: number, budget: number): Row {
  const { medianA, medianB, minA, ratioOfMedians, medianOfRatios } = summary;
  const version = execFileSync(findProgram("dockerd") ?? "dockerd", ["--version"], { encoding: "utf8" }).match(
    /version ([\d.]+)/,
  )?.[1];
  return {
    id: `docker-connect-${ports}`,
    what: `Docker ${version}: network connect with ${ports} ports, to its own bridge`,
    value: ratioOfMedians,
    unit: "x",
    budget,
    how: `${ms(medianA)} (min ${minA.toFixed(2)}) to ${ms(medianB)}, median of ratios ${medianOfRatios.toFixed(2)}, ${summary.pairs} pairs`,
    data: { ...summary },
  };
}
