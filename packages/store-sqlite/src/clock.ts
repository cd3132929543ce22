import { readFileSync } from "node:fs";

let boot: string | undefined;

/** Ms since this host has booted, the same for all its processes: nobody sets this clock (CLOCK_MONOTONIC, clock_gettime(2)). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Tells one run of that clock from the next: a UUID, 36 characters. */
export function bootId(): string {
  return (boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "ascii").trim());
}

/** Of a row of `lease`; takes the time and the boot. Its id begins with the boot that its `expires_ms` counts from. */
export const ended = "(expires_ms <= ? OR substr(id, 1, 36) <> ?)";
