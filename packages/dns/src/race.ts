import { ask } from "./ask.ts";
import type { Query } from "./query.ts";
import type { Response } from "./response.ts";
import type { Upstream, Upstreams } from "./upstreams.ts";

/** How long a server's no waits for the servers listed before it, in ms. */
const graceMs = 250;

export interface Race {
  readonly query: Query;
  readonly needsAll: boolean;
  readonly upstreams: Upstreams;
  readonly servers: readonly Upstream[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks all servers at once and resolves with the first good answer; undefined when none has one, in time or before the
 * signal. That a name doesn't exist is believed of the first server at once, of others once those before them have failed
 * or are late: who lists a company's server before a public one wants the names that only the company's knows.
 */
export async function race({
  query,
  needsAll,
  upstreams,
  servers,
  timeoutMs,
  signal,
}: Race): Promise<Response | undefined> {
  const { promise, resolve } = Promise.withResolvers<Response | undefined>();
  const end = new AbortController();
  const said: (Response | "nothing" | undefined)[] = servers.map(() => undefined);
  const firstNo = (): Response | undefined => said.find((answer) => typeof answer === "object");
  const stop = (): void => resolve(undefined);
  let grace: NodeJS.Timeout | undefined;
  const arrived = (rank: number, response: Response | undefined): void => {
    if (response?.isNegative === false) return resolve(response);
    said[rank] = response ?? "nothing";
    const first = said.find((answer) => answer !== "nothing");
    // Undefined is a server that may still answer, unless there is none left.
    if (first !== undefined || said.every((answer) => answer === "nothing")) return resolve(firstNo());
    if (response !== undefined) grace ??= setTimeout(() => resolve(firstNo()), graceMs);
  };
  const deadline = setTimeout(() => resolve(firstNo()), timeoutMs);
  signal.addEventListener("abort", stop);
  servers.forEach((server, rank) => {
    ask(query, needsAll, upstreams, server, end.signal).then(
      (response) => arrived(rank, response),
      () => arrived(rank, undefined),
    );
  });
  if (signal.aborted || servers.length === 0) stop();
  try {
    return await promise;
  } finally {
    end.abort();
    clearTimeout(deadline);
    clearTimeout(grace);
    signal.removeEventListener("abort", stop);
  }
}
