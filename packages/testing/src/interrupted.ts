import { constants } from "node:os";

/** The terminal signals a whole group of processes, and npm passes the same signal on. */
const onceMs = 1_000;

/** For a program that runs long: aborts with the first SIGINT or SIGTERM, so that what is there can be taken away; a later one ends the process at once. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  let first = Infinity;
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      if (performance.now() - first > onceMs) process.exit(128 + constants.signals[name]);
      first = Math.min(first, performance.now());
      controller.abort(new DOMException(`interrupted by ${name}`, "AbortError"));
    });
  return controller.signal;
}
