import type { Timing } from "@netkit/engine";

/** One line per step in the order of their ends, and how long the process has been running. */
export function formatTimings(timings: readonly Timing[]): string {
  const rows = [...timings, { what: "since the process began", ms: performance.now() }];
  return ["        ms  step", ...rows.map(({ what, ms }) => `${ms.toFixed(3).padStart(10)}  ${what}`)].join("\n");
}
