import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Broken } from "./error-sweep.ts";
import type { Subject } from "./subject.ts";
import type { Place } from "./sweep-place.ts";
import type { Survived, WorkerJob } from "./sweep-worker.ts";

/** A process on the place's host that goes through a driver's lifecycle. */
export interface SweepProcess {
  /** Does its only job, and says what came of it; nothing when it was killed on the way. */
  run<T extends Broken | Survived>(job: WorkerJob): AsyncGenerator<T>;
  stop(): Promise<void>;
}

/** @param compiled a folder for compiled code, which processes that end by themselves leave for those to come */
export function startProcess(
  { host, root }: Place,
  { module, export: exported = "driver" }: Subject,
  compiled: string,
): SweepProcess {
  const script = fileURLToPath(import.meta.url).replace(/sweep-process(\.[jt]s)$/, "sweep-worker$1");
  // What it loads fits into the young generation as a whole, so that nothing is collected meanwhile.
  const node = [process.execPath, "--min-semi-space-size=16"];
  const child = execa("nsenter", [`--net=${host.path}`, ...node, script, String(module), exported, root], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: { stdout: false },
    reject: false,
    env: { NODE_COMPILE_CACHE: compiled },
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
