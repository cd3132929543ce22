import type { NetkitError } from "@netkit/core";
import { canceled, explain, textOf, unavailable, unconnected, type Outcome } from "./errors.ts";
import { Connection, StatusError, statuses } from "./grpc.ts";
import type { Settings } from "./options.ts";
import { authenticate, type Rpc } from "./rpc.ts";

/** A server that is cut off from the others says so, and ends its watches, instead of waiting for them (etcd's clientv3). */
const requireLeader = { hasleader: "true" };

/** One server's connection, and the endpoint that it leads to. */
interface Server {
  readonly endpoint: string;
  readonly connection: Connection;
}

/** etcd's servers as one: calls go to one of them until it is away, then to the next. */
export class Cluster {
  readonly #settings: Settings;
  readonly #end = new AbortController();
  #current: Server | undefined;
  /** Which endpoint is tried first. */
  #first = 0;
  #token: string | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Aborted once it is closed. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /**
   * The answer to a request.
   * @param repeatable that asking twice does no harm: then another server is asked when one breaks off.
   * @throws StatusError of what only this call can mean: not found, out of range; NetkitError STORE_UNAVAILABLE,
   *   STORE_REFUSED, STORE_LIMIT
   */
  async call<Request, Response>(rpc: Rpc<Request, Response>, request: Request, repeatable: boolean): Promise<Response> {
    const deadline = AbortSignal.timeout(this.#settings.timeoutMs);
    const signal = AbortSignal.any([deadline, this.#end.signal]);
    for (let attempt = 1; ; attempt++) {
      const { endpoint, connection } = await this.#connect(signal);
      try {
        return await connection.call(rpc, request, { headers: await this.#headers(connection, signal), signal });
      } catch (error) {
        const answered = error instanceof StatusError;
        const outcome: Outcome = repeatable || (answered && wasRefused(error)) ? "none" : "unknown";
        // Its next user connects anew, and to the next server: this one is silent, broken or without a leader.
        if (!answered || error.status === statuses.unavailable) this.#leave(connection);
        if (signal.aborted) throw unavailable(this.#settings, [endpoint], this.#reason(deadline), outcome, error);
        if (answered && this.#forgetsToken(error) && attempt <= 1) continue;
        if (answered && [statuses.notFound, statuses.outOfRange].some((status) => status === error.status)) throw error;
        const again = !answered || error.status === statuses.unavailable;
        if (again && outcome === "none" && attempt <= this.#settings.endpoints.length) continue;
        throw answered
          ? explain(this.#settings, error, endpoint, outcome)
          : unavailable(this.#settings, [endpoint], textOf(error), outcome, error);
      }
    }
  }

  /**
   * The answers to a request until the signal aborts, or the store is closed, or the connection breaks.
   * @throws as {@link call}; whatever the signal says
   */
  async *stream<Request, Response>(
    rpc: Rpc<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): AsyncGenerator<Response> {
    const limited = AbortSignal.any([AbortSignal.timeout(this.#settings.timeoutMs), signal]);
    const { endpoint, connection } = await this.#connect(limited);
    try {
      const headers = await this.#headers(connection, limited);
      yield* connection.stream(rpc, request, { headers, signal });
    } catch (error) {
      signal.throwIfAborted();
      const answered = error instanceof StatusError;
      if (!answered || error.status === statuses.unavailable) this.#leave(connection);
      if (answered && !this.#forgetsToken(error)) throw explain(this.#settings, error, endpoint, "none");
      throw unavailable(this.#settings, [endpoint], textOf(error), "none", error);
    }
  }

  /** Of a watch that a server ended, and why. */
  canceled(reason: string): NetkitError {
    return canceled(this.#settings, reason);
  }

  close(): void {
    this.#end.abort();
    this.#current?.connection.close();
  }

  /** To the server in use, or to the first that answers. */
  async #connect(signal: AbortSignal): Promise<Server> {
    const { endpoints, tls, timeoutMs } = this.#settings;
    if (this.#current?.connection.usable === true) return this.#current;
    const failures: [string, unknown][] = [];
    const start = this.#first;
    for (const [tried] of endpoints.entries()) {
      const index = (start + tried) % endpoints.length;
      const endpoint = endpoints[index] as string;
      // One that swallows packets leaves time for the others.
      const patience = AbortSignal.timeout(Math.ceil(timeoutMs / endpoints.length));
      try {
        const connection = await Connection.open(endpoint, tls, AbortSignal.any([patience, signal]));
        // Somebody else may have been faster.
        if (this.#current?.connection.usable === true) {
          connection.close();
          return this.#current;
        }
        this.#first = index;
        return (this.#current = { endpoint, connection });
      } catch (error) {
        if (this.#end.signal.aborted) throw unavailable(this.#settings, endpoints, "the store was closed", "none");
        failures.push([endpoint, patience.aborted || signal.aborted ? "it doesn't answer" : error]);
      }
    }
    throw unconnected(this.#settings, failures);
  }

  #leave(connection: Connection): void {
    if (this.#current?.connection !== connection) return;
    this.#first = (this.#first + 1) % this.#settings.endpoints.length;
    this.#current = undefined;
    connection.close();
  }

  /** With the token of the user, if there is one; one token serves all servers. */
  async #headers(connection: Connection, signal: AbortSignal): Promise<Record<string, string>> {
    const { user } = this.#settings;
    if (user === undefined) return requireLeader;
    this.#token ??= (await connection.call(authenticate, user, { signal })).token;
    return { ...requireLeader, token: this.#token };
  }

  /** Tokens end when they aren't used for some minutes, and when somebody changes what users may. */
  #forgetsToken({ status, message }: StatusError): boolean {
    const ended = status === statuses.unauthenticated || message.includes("auth store is old");
    if (!ended || this.#token === undefined) return false;
    this.#token = undefined;
    return true;
  }

  #reason(deadline: AbortSignal): string {
    return deadline.aborted ? `no answer within ${this.#settings.timeoutMs} ms` : "the store was closed";
  }
}

/** What etcd says before it has done anything; of other failures it doesn't know itself. */
function wasRefused({ status, message }: StatusError): boolean {
  const doubtful = [statuses.unavailable, statuses.deadlineExceeded].some((one) => one === status);
  return !doubtful || /no leader|not capable|unhealthy cluster/.test(message);
}
