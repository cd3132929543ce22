/** How long to wait, in ms, before a server is asked again that has failed so many times in a row: 50, 100, ... up to 2,000. */
export function backoffMs(failures: number): number {
  return Math.min(50 * 2 ** (failures - 1), 2_000);
}
