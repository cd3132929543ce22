/** The row about the memory of a library process; for a private host and a process of its own (see bench.ts). */
import { openLibrary, portsOf } from "./library.ts";
import type { Row } from "./report.ts";

export async function measureMemory(root: string, endpoints: number): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using netkit = await openLibrary(root);
  const before = rssMb();
  await netkit.networks.create({ name: "memory", subnets: [{ subnet: "10.8.0.0/16" }] });
  for (let number = 2; number < endpoints + 2; number++) {
    await netkit.sandboxes.open({ networks: [{ network: "memory", publish: portsOf(number) }] });
  }
  const after = rssMb();
  const peak = process.resourceUsage().maxRSS / 1e3;
  return [
    {
      id: "memory",
      what: `library: RSS with ${endpoints.toLocaleString("en")} endpoints`,
      value: after,
      unit: "MB",
      budget: 140,
      how: `${before.toFixed(0)} MB before, peak ${peak.toFixed(0)} MB, 10 ports each`,
      data: { endpoints, beforeMb: before, afterMb: after, peakMb: peak },
    },
  ];
}

function rssMb(): number {
  return process.memoryUsage.rss() / 1e6;
}
