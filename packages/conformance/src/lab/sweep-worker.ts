import { join } from "node:path";
import { createInterface } from "node:readline";
import { isNetkitError } from "@netkit/core";
import { openNetkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { installFuse, type FaultMode } from "./fuse.ts";
import { lifecycle } from "./lifecycle.ts";
import { loadSubject } from "./subject.ts";

/** Goes through the lifecycle of a driver with one operation broken, once per line on standard input. */
export interface WorkerJob {
  readonly at: number;
  readonly mode: FaultMode;
}

export interface WorkerResult {
  readonly operations: number;
  readonly broke?: string;
  /** How the lifecycle ended, if it didn't come to its end. */
  readonly error?: { readonly code: string; readonly message: string };
}

const [module = "", exported = "driver", root = ""] = process.argv.slice(2);
const driver = await loadSubject({ module, export: exported });
const fuse = installFuse();

for await (const line of createInterface({ input: process.stdin })) {
  const { at, mode } = JSON.parse(line) as WorkerJob;
  process.stdout.write(`${JSON.stringify(await run(at, mode))}\n`);
}

async function run(at: number, mode: FaultMode): Promise<WorkerResult> {
  const store = openSqliteStore({ path: join(root, "state.db"), synchronous: "off" });
  let error: unknown;
  fuse.arm(at, mode);
  try {
    await using netkit = await openNetkit({ root, drivers: [driver], store: fuse.wrap(store) });
    await lifecycle(netkit, driver);
  } catch (thrown) {
    error = thrown;
    await store.close();
  }
  const result = fuse.disarm();
  if (error === undefined) return result;
  return {
    ...result,
    error: {
      code: isNetkitError(error) ? error.code : "none",
      message: error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error),
    },
  };
}
