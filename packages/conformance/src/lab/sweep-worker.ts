import { join } from "node:path";
import { createInterface } from "node:readline";
import { openNetkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import type { Broken } from "./error-sweep.ts";
import { installFuse } from "./fuse.ts";
import { lifecycle } from "./lifecycle.ts";
import { loadSubject } from "./subject.ts";

/** What to do: fail each operation of the lifecycle in turn, or die before one. */
export type WorkerJob = { readonly mode: "error" } | { readonly mode: "kill"; readonly at: number };

/** There was no such operation: the lifecycle came to its end, or failed by itself. */
export interface Survived {
  readonly error?: string;
}

const [module = "", exported = "driver", root = ""] = process.argv.slice(2);
const driver = await loadSubject({ module, export: exported });
const fuse = installFuse();
const say = (what: Broken | Survived): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

// The job comes when all is loaded: a process waits for its turn.
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as WorkerJob;
  if (job.mode === "kill") say(await die(job.at));
  else await fail();
}

async function die(at: number): Promise<Survived> {
  const store = openSqliteStore({ path: join(root, "state.db"), synchronous: "off" });
  fuse.arm(at, "kill");
  try {
    await using netkit = await openNetkit({ root, drivers: [driver], store: fuse.wrap(store) });
    await lifecycle(netkit, driver);
    return {};
  } catch (error) {
    await store.close();
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    fuse.disarm();
  }
}

async function fail(): Promise<void> {
  const { sweepErrors } = await import("./error-sweep.ts");
  for await (const broken of sweepErrors(driver, root, fuse)) say(broken);
}
