import { readdirSync } from "node:fs";

/** What a process holds that must not become ever more. */
export interface Held {
  /** Of JavaScript, once what nobody needs is gone. */
  readonly heapBytes: number;
  /** RSS: what is outside that heap as well, and what was given back to the allocator, but not to the kernel. */
  readonly residentBytes: number;
  readonly descriptors: number;
}

/** Of this process, which has `--expose-gc`. */
export function held(): Held {
  if (globalThis.gc === undefined) throw new TypeError("what nobody needs can't be cleared away without --expose-gc");
  // What the first one has finalized goes with the second.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  // The directory itself is open while it is read.
  return { heapBytes: heapUsed, residentBytes: rss, descriptors: readdirSync("/proc/self/fd").length - 1 };
}
