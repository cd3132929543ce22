import type { Ip } from "@netkit/core";
import { Caches } from "./cache.ts";
import type { Client } from "./client.ts";
import { forwardsAlways, type Limits } from "./limits.ts";
import type { Query } from "./query.ts";
import { race } from "./race.ts";
import { forwardedReply, plainReply, type Transport } from "./reply.ts";
import type { Response } from "./response.ts";
import type { Stats } from "./stats.ts";
import { serversOf, type Upstreams } from "./upstreams.ts";
import { flags, rcodes } from "./wire.ts";

/** Failures are kept for a moment, or clients that ask again at once would have each fail again (RFC 9520). */
const failedSeconds = 1;
const failed: Response = {
  rcode: rcodes.SERVFAIL,
  message: Buffer.alloc(0),
  ttls: [],
  isTruncated: false,
  isNegative: false,
  keepSeconds: failedSeconds,
};

/** A question under way, and who waits for it. */
interface Flight {
  readonly answer: Promise<Response | undefined>;
  readonly waiting: Set<Client>;
  readonly end: AbortController;
}

export interface ForwarderOptions {
  readonly limits: Limits;
  readonly ownAddresses: readonly Ip[];
  readonly now: () => number;
  readonly stats: Stats;
}

/** Asks other servers what a client's names don't say. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #caches: Caches;
  readonly #flights = new WeakMap<Upstreams, Map<string, Flight>>();
  readonly #flying = new Set<Flight>();
  readonly #pending = new WeakMap<Client, number>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#caches = new Caches(options.limits.cacheBytesPerUpstreams, options.limits.cacheBytes);
  }

  answer(query: Query, client: Client, transport: Transport): Buffer | Promise<Buffer> {
    const { stats, limits, now } = this.#options;
    const { upstreams } = client;
    // A network of its own: what its names don't say, doesn't exist. Some resolvers (musl's) wait on after any other code.
    if (upstreams.servers.length === 0) return plainReply(query, rcodes.NXDOMAIN);
    const key = keyOf(query);
    const cached = this.#caches.of(upstreams).get(key, now());
    if (cached !== undefined) {
      stats.cached++;
      return forwardedReply(query, known(cached.response), cached.ageSeconds, transport);
    }
    const pending = this.#pending.get(client) ?? 0;
    const isFull = stats.forwarding >= limits.forwards && pending >= forwardsAlways;
    if (pending >= limits.forwardsPerClient || isFull) {
      stats.overLimit++;
      return plainReply(query, rcodes.REFUSED);
    }
    stats.forwarded++;
    return this.#forward({ ...query, question: Buffer.from(query.question) }, key, client, upstreams, transport);
  }

  /** Ends the queries that nobody but this client waits for. */
  leave(client: Client): void {
    for (const { waiting, end } of this.#flying) {
      if (waiting.delete(client) && waiting.size === 0) end.abort();
    }
  }

  /** @param query with a question of its own, not in a buffer with more of what was received */
  async #forward(
    query: Query,
    key: string,
    client: Client,
    upstreams: Upstreams,
    transport: Transport,
  ): Promise<Buffer> {
    const flight = this.#flight(query, key, upstreams, transport);
    flight.waiting.add(client);
    this.#count(client, 1);
    const response = await flight.answer;
    this.#count(client, -1);
    if (response === undefined) this.#options.stats.failed++;
    return forwardedReply(query, response, 0, transport);
  }

  #count(client: Client, step: number): void {
    this.#options.stats.forwarding += step;
    this.#pending.set(client, (this.#pending.get(client) ?? 0) + step);
  }

  /** The same question to the same servers is asked once at a time: it can't be had more often than guessed (RFC 5452). */
  #flight(query: Query, key: string, upstreams: Upstreams, transport: Transport): Flight {
    const flights = this.#flights.get(upstreams) ?? new Map<string, Flight>();
    this.#flights.set(upstreams, flights);
    const name = `${transport}${key}`;
    const found = flights.get(name);
    if (found !== undefined) return found;
    const { limits, ownAddresses, now } = this.#options;
    const end = new AbortController();
    const servers = serversOf(upstreams, ownAddresses);
    const { timeoutMs } = limits;
    const needsAll = transport === "tcp";
    const answer = race({ query, needsAll, upstreams, servers, timeoutMs, signal: end.signal }).then((response) => {
      flights.delete(name);
      this.#flying.delete(flight);
      const { keepSeconds } = response ?? failed;
      if (keepSeconds > 0 && !end.signal.aborted)
        this.#caches.of(upstreams).set(key, response ?? failed, keepSeconds, now());
      return response;
    });
    const flight: Flight = { answer, waiting: new Set(), end };
    flights.set(name, flight);
    this.#flying.add(flight);
    return flight;
  }
}

function known(response: Response): Response | undefined {
  return response.rcode === rcodes.SERVFAIL ? undefined : response;
}

/** The question in lower case, and what else an answer depends on: the flags, EDNS, DO. */
function keyOf({ question, flags: bits, edns, type }: Query): string {
  const name = question.toString("latin1", 0, question.length - 4);
  const asked = bits & (flags.recursionDesired | flags.authenticData | flags.checkingDisabled);
  return `${asked} ${edns?.dnssecOk ?? "-"} ${type} ${name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())}`;
}
