/** CLOCK_MONOTONIC, which all processes of the machine have in common, in ms. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
