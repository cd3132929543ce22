/** What every endpoint of the attach rows publishes: ports of its own on the host, for 8000 and up in the sandbox. */
export const portsEach = 10;

/** The first host port of an endpoint by its number, which is 2 at least. */
export function firstPort(number: number): number {
  return 20_000 + number * portsEach;
}
