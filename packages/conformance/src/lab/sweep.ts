import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { instanceOf } from "@netkit/core";
import { openNetkit } from "@netkit/engine";
import { removeNamespace } from "@netkit/netlink";
import { execa } from "execa";
import type { Broken } from "./error-sweep.ts";
import type { FaultMode } from "./fuse.ts";
import { createHost, type Host } from "./host.ts";
import { compareSnapshots, takeSnapshot, type Snapshot } from "./snapshot.ts";
import type { Subject } from "./subject.ts";
import type { Survived, WorkerJob } from "./sweep-worker.ts";

export interface SweepOptions {
  readonly mode: FaultMode;
  /** Gives up between two operations. */
  readonly signal?: AbortSignal;
  /** Called after each operation. */
  readonly onOperation?: (operation: number, broke: string) => void;
}

export interface Sweep {
  /** How many operations were broken: every one of the driver's lifecycle. */
  readonly operations: number;
  /** What went wrong, in words, by operation. */
  readonly failures: readonly string[];
}

/**
 * Breaks each operation of a driver's lifecycle in turn. One that fails must leave everything as it was or, where it
 * removes, be finished by whoever comes next. After a death, another process has to mend the system, to remove
 * everything, and to leave the kernel as it was.
 */
export async function sweep(subject: Subject, options: SweepOptions): Promise<Sweep> {
  const root = mkdtempSync(join(tmpdir(), "netkit-sweep-"));
  try {
    await using host = await createHost();
    return await (options.mode === "kill" ? sweepDeaths : sweepFailures)(host, subject, root, options);
  } finally {
    removeLeaks(root);
  }
}

async function sweepFailures(
  host: Host,
  subject: Subject,
  root: string,
  { signal, onOperation }: SweepOptions,
): Promise<Sweep> {
  const failures: string[] = [];
  let operations = 0;
  const worker = startWorker(host, subject, root);
  try {
    for await (const { operation, broke, failures: found } of worker.run<Broken>({ mode: "error" })) {
      signal?.throwIfAborted();
      operations = operation;
      failures.push(...found.map((failure) => `operation ${operation} (${broke}): ${failure}`));
      onOperation?.(operation, broke);
    }
  } finally {
    await worker.stop();
  }
  return { operations, failures };
}

async function sweepDeaths(
  host: Host,
  subject: Subject,
  root: string,
  { signal, onOperation }: SweepOptions,
): Promise<Sweep> {
  const failures: string[] = [];
  // Starting a process takes longer than all the rest; the next one starts while this one works.
  let worker = startWorker(host, subject, root);
  let spare = startWorker(host, subject, root);
  try {
    let before = await picture(host, root);
    for (let at = 1; ; at++) {
      signal?.throwIfAborted();
      for await (const { error } of worker.run<Survived>({ mode: "kill", at })) {
        if (error !== undefined) failures.push(`without any fault: ${error}`);
        return { operations: at - 1, failures };
      }
      const found = await judge(host, root, before);
      failures.push(...found.map((failure) => `operation ${at} (killed): ${failure}`));
      // What has leaked once is told once.
      if (found.length > 0) before = await picture(host, root);
      onOperation?.(at, "killed");
      worker = spare;
      spare = startWorker(host, subject, root);
    }
  } finally {
    await worker.stop();
    await spare.stop();
  }
}

/** What somebody who comes after a death has to complain of. A driver isn't needed to clean up. */
async function judge(host: Host, root: string, before: Snapshot): Promise<string[]> {
  const failures: string[] = [];
  using _ = host.enter();
  await using netkit = await openNetkit({ root, drivers: [] });
  try {
    await netkit.doctor({ repair: true });
    const { findings } = await netkit.doctor();
    failures.push(...findings.map(({ message }) => `doctor: ${message}`));
    for (const { id } of await netkit.sandboxes.list()) await netkit.sandboxes.remove(id, { force: true });
    await netkit.networks.prune();
    failures.push(...compareSnapshots(before, await picture(host, root)));
    if (failures.length > 0) await netkit.doctor({ repair: true });
  } catch (error) {
    failures.push(`recovery: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  return failures;
}

/** What a driver or netkit leaves behind outside the host's namespaces when it fails the sweep. */
function removeLeaks(root: string): void {
  const prefix = `${instanceOf(root).mark}.`;
  for (const folder of ["/etc/netns", "/run/netns"]) {
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (!name.startsWith(prefix)) continue;
      if (folder === "/run/netns") removeNamespace(join(folder, name));
      else rmSync(join(folder, name), { recursive: true });
    }
  }
  rmSync(root, { recursive: true, force: true });
}

async function picture(host: Host, root: string): Promise<Snapshot> {
  return await takeSnapshot(host.spaces, { names: [`${instanceOf(root).mark}.`] });
}

interface Worker {
  /** Does its only job, and says what came of it; nothing when it was killed on the way. */
  run<T extends Broken | Survived>(job: WorkerJob): AsyncGenerator<T>;
  stop(): Promise<void>;
}

function startWorker(host: Host, { module, export: exported = "driver" }: Subject, root: string): Worker {
  const script = fileURLToPath(import.meta.url).replace(/sweep(\.[jt]s)$/, "sweep-worker$1");
  const child = execa("nsenter", [`--net=${host.path}`, process.execPath, script, String(module), exported, root], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: { stdout: false },
    reject: false,
  });
  const lines = createInterface({ input: child.stdout });
  return {
    async *run<T>(job: WorkerJob) {
      child.stdin.end(JSON.stringify(job));
      for await (const line of lines) yield JSON.parse(line) as T;
      const { signal, failed, stderr } = await child;
      if (failed && signal !== "SIGKILL") throw new Error(`the worker of the fault sweep failed: ${stderr}`);
    },
    async stop() {
      child.stdin.end();
      lines.close();
      await child;
    },
  };
}
