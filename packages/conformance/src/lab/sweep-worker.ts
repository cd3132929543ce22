import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AnyDriver } from "@netkit/core";
import { openNetkit, type Netkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { attaching } from "./attaching.ts";
import { changing } from "./changing.ts";
import type { Broken } from "./error-sweep.ts";
import { installFuse } from "./fuse.ts";
import { holdings } from "./holdings.ts";
import type { Step } from "./steps.ts";
import { loadSubject } from "./subject.ts";
import type { Course } from "./sweep.ts";

/** What can be gone through: {@link attaching}, {@link changing}. */
export type CourseName = "attaching" | "changing";

/** Where a process works, and on what. */
export interface Workplace extends Course {
  readonly module: string;
  readonly exported: string;
  readonly root: string;
  /** The path of a namespace that others have made. */
  readonly theirs: string;
}

/** What to do: fail each call of the lifecycle in turn, or die before one. */
export type WorkerJob = { readonly mode: "error" } | { readonly mode: "kill"; readonly at: number };

/** An operation was acknowledged; the first time, before all operations, that there is an instance. */
export interface Did {
  readonly step: string;
  readonly holds: readonly string[];
}

/** There was no such call: the lifecycle came to its end, or failed by itself. */
export interface Survived {
  readonly survived: true;
  readonly error?: string;
}

const workplace = JSON.parse(process.argv[2] ?? "") as Workplace;
const { module, exported, root, theirs, course = "attaching", firewall } = workplace;
const driver = await loadSubject({ module, export: exported });
const fuse = installFuse();
// Synchronous, for it is a pipe: what was said before a death is heard.
const say = (what: Broken | Did | Survived): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const options = { root, drivers: [driver] as AnyDriver[], ...(firewall === undefined ? {} : { firewall }) };

// The job comes when all is loaded: a process waits for its turn.
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as WorkerJob;
  if (job.mode === "kill") say(await die(job.at));
  else await fail();
}

function stepsOf(netkit: Netkit): Step[] {
  return course === "attaching" ? attaching(netkit, driver) : changing(netkit, driver, theirs);
}

async function die(at: number): Promise<Survived> {
  const store = openSqliteStore({ path: join(root, "state.db"), synchronous: "off" });
  fuse.arm(at, "kill");
  try {
    await using netkit = await openNetkit({ ...options, store: fuse.wrap(store) });
    say({ step: "", holds: await holdings(netkit) });
    for (const { what, run } of stepsOf(netkit)) {
      await run();
      say({ step: what, holds: await holdings(netkit) });
    }
    return { survived: true };
  } catch (error) {
    await store.close();
    return { survived: true, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    fuse.disarm();
  }
}

async function fail(): Promise<void> {
  const { sweepErrors } = await import("./error-sweep.ts");
  const store = openSqliteStore({ path: join(root, "state.db"), synchronous: "off" });
  await using netkit = await openNetkit({ ...options, store: fuse.wrap(store) });
  for await (const broken of sweepErrors({ netkit, store, theirs, steps: stepsOf(netkit) }, fuse)) say(broken);
}
