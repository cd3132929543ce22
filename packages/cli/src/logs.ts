import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Netkit } from "@netkit/engine";

/** Where `run -d` appends the output of a sandbox's process. */
export async function makeLogPath({ instance }: Netkit, id: string): Promise<string> {
  const folder = join(instance.root, "logs");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${id}.log`);
}

/** Removes the logs of sandboxes that are no more. */
export async function sweepLogs(netkit: Netkit): Promise<void> {
  const folder = join(netkit.instance.root, "logs");
  const names = await readdir(folder).catch(() => []);
  if (names.length === 0) return;
  const kept = new Set((await netkit.sandboxes.list()).map(({ id }) => `${id}.log`));
  for (const name of names) if (!kept.has(name)) await rm(join(folder, name), { force: true });
}
