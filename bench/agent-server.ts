/** An agent in a process of its own, until its stdin ends; for the part `agent` (see agent.ts). */
import { once } from "node:events";
import { startAgent } from "@netkit/agent";
import { bridge } from "@netkit/driver-bridge";

export async function serveAgent(root: string): Promise<void> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using _ = await startAgent({ root, drivers: [bridge()] });
  process.stdout.write("ready\n");
  process.stdin.resume();
  await once(process.stdin, "end");
}
