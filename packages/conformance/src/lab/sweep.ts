import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { instanceOf } from "@netkit/core";
import { openNetkit } from "@netkit/engine";
import { removeNamespace } from "@netkit/netlink";
import { execa } from "execa";
import type { FaultMode } from "./fuse.ts";
import { createHost, type Host } from "./host.ts";
import { compareSnapshots, takeSnapshot, type Snapshot } from "./snapshot.ts";
import type { Subject } from "./subject.ts";
import type { WorkerJob, WorkerResult } from "./sweep-worker.ts";

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
 * Breaks each operation of a driver's lifecycle in turn, in a process of its own. After each, another process has to
 * find a consistent system (at once after an error, mended after a kill), to remove everything, and to leave the kernel
 * as it was.
 */
export async function sweep(subject: Subject, { mode, signal, onOperation }: SweepOptions): Promise<Sweep> {
  const root = mkdtempSync(join(tmpdir(), "netkit-sweep-"));
  await using host = await createHost();
  const failures: string[] = [];
  let worker = startWorker(host, subject, root);
  // Starting a process takes longer than all the rest; the next one starts while this one works.
  let spare = mode === "kill" ? startWorker(host, subject, root) : undefined;
  try {
    let before = await picture(host, root);
    for (let at = 1; ; at++) {
      signal?.throwIfAborted();
      const result = await worker.run({ at, mode });
      if (result !== undefined && result.broke === undefined) {
        if (result.error !== undefined) failures.push(`without any fault: ${result.error.message}`);
        return { operations: at - 1, failures };
      }
      const broke = result?.broke ?? "killed";
      const found = await judge(host, root, mode, result, before);
      failures.push(...found.map((failure) => `operation ${at} (${broke}): ${failure}`));
      // What has leaked once is told once.
      if (found.length > 0) before = await picture(host, root);
      onOperation?.(at, broke);
      if (result === undefined) {
        await worker.stop();
        worker = spare ?? startWorker(host, subject, root);
        spare = startWorker(host, subject, root);
      }
    }
  } finally {
    await worker.stop();
    await spare?.stop();
    removeLeaks(root);
  }
}

async function judge(
  host: Host,
  root: string,
  mode: FaultMode,
  result: WorkerResult | undefined,
  before: Snapshot,
): Promise<string[]> {
  const failures: string[] = [];
  if (result?.error !== undefined && ["none", "INTERNAL"].includes(result.error.code)) {
    failures.push(`not an error for a user: ${result.error.message}`);
  }
  using _ = host.enter();
  // A driver isn't needed to clean up.
  await using netkit = await openNetkit({ root, drivers: [] });
  try {
    if (mode === "kill") await netkit.doctor({ repair: true });
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
  /** Undefined: it died of the job. */
  run(job: WorkerJob): Promise<WorkerResult | undefined>;
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
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async run(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const { value, done } = await lines.next();
      if (done !== true) return JSON.parse(value) as WorkerResult;
      const { signal, stderr } = await child;
      if (signal === "SIGKILL") return undefined;
      throw new Error(`the worker of the fault sweep failed: ${stderr}`);
    },
    async stop() {
      child.stdin.end();
      await child;
    },
  };
}
