import { spawnSync } from "node:child_process";

/** Has this process run before all that aren't real-time, where that is allowed: waiting for a core is no part of what it does. */
export function goAhead(): void {
  spawnSync("chrt", ["--fifo", "--all-tasks", "--pid", "1", String(process.pid)]);
}
