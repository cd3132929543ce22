import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Broken } from "./error-sweep.ts";
import type { Subject } from "./subject.ts";
import type { Course } from "./sweep.ts";
import type { Place } from "./sweep-place.ts";
import type { Did, Survived, WorkerJob, Workplace } from "./sweep-worker.ts";

/** A process on the place's host that goes through a driver's lifecycle. */
export interface SweepProcess {
  /** Does its only job, and says what comes of it, until it has done it or is killed on the way. */
  run<T extends Broken | Did | Survived>(job: WorkerJob): AsyncGenerator<T>;
  stop(): Promise<void>;
}

export function startProcess(
  { host, theirs, root }: Place,
  { module, export: exported = "driver" }: Subject,
  course: Course,
): SweepProcess {
  const script = fileURLToPath(import.meta.url).replace(/sweep-process(\.[jt]s)$/, "sweep-worker$1");
  const workplace: Workplace = { module: String(module), exported, root, theirs: theirs.path, ...course };
  // What it loads fits into the young generation as a whole, so that nothing is collected meanwhile.
  const node = [process.execPath, "--min-semi-space-size=16"];
  const child = execa("nsenter", [`--net=${host.path}`, ...node, script, JSON.stringify(workplace)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: { stdout: false },
    reject: false,
    // What one that ended by itself has compiled is there for those that are killed before they write it.
    env: { NODE_COMPILE_CACHE: join(root, "compiled") },
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
