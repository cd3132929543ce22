import type { NetkitError } from "@netkit/core";
import { isHandshake, look, refused, tooLarge, unanswered, unavailable, unexpected, type Outcome } from "./errors.ts";
import { Http, TransportError, type Answer } from "./http.ts";
import type { Settings } from "./options.ts";

export interface Call {
  readonly method: "GET" | "PUT";
  /** Below /v1/. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Asking twice does no harm: then another agent is asked when one breaks off. */
  readonly repeatable: boolean;
  /** How long the server may think about it, beyond the time that any call may take. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Consul's agents as one: calls go to one of them until it is away, then to the next. */
export class Api {
  readonly #settings: Settings;
  readonly #http: Http;
  readonly #end = new AbortController();
  /** Which address is tried first. */
  #first = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#http = new Http(settings.tls);
  }

  /** Aborted once it is closed. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** @throws NetkitError STORE_UNAVAILABLE, STORE_REFUSED, STORE_LIMIT; what the call's signal says */
  async call(call: Call): Promise<Answer> {
    const { addresses, timeoutMs } = this.#settings;
    const failures: [string, unknown][] = [];
    const start = this.#first;
    for (const [tried] of addresses.entries()) {
      const index = (start + tried) % addresses.length;
      const address = addresses[index] as string;
      // One that swallows packets leaves time for the others.
      const patience = AbortSignal.timeout(Math.ceil(timeoutMs / addresses.length) + (call.waitMs ?? 0));
      try {
        const answer = await this.#ask(address, call, patience);
        if (answer.status < 500) {
          this.#first = index;
          return accept(answer, this.#settings.prefix);
        }
        const why = answer.body.trim();
        // Of other failures the agent doesn't know itself what the servers did.
        if (!call.repeatable && !/No cluster leader/.test(why)) throw this.#unavailable(address, why, "unknown");
        failures.push([address, why]);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        call.signal?.throwIfAborted();
        const mayHaveHappened = error.sent && !isHandshake(error);
        const outcome: Outcome = mayHaveHappened && !call.repeatable ? "unknown" : "none";
        if (this.#end.signal.aborted) throw unavailable(addresses, "the store was closed", outcome);
        const why = patience.aborted ? `no answer within ${timeoutMs} ms` : error.message;
        if (outcome === "unknown") {
          this.#first = index + 1;
          throw this.#unavailable(address, why, outcome, error);
        }
        failures.push([address, patience.aborted ? why : error]);
      }
    }
    throw unanswered(this.#settings, failures);
  }

  close(): void {
    this.#end.abort();
    this.#http.close();
  }

  #unavailable(address: string, why: string, outcome: Outcome, cause?: unknown): NetkitError {
    return unavailable([address], why, outcome, cause, look([address], this.#settings.files));
  }

  async #ask(address: string, { method, path, query, body, signal }: Call, patience: AbortSignal): Promise<Answer> {
    const { token, datacenter } = this.#settings;
    const url = new URL(`/v1/${path}`, address);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    if (datacenter !== undefined) url.searchParams.set("dc", datacenter);
    const headers = token === undefined ? {} : { "X-Consul-Token": token };
    const signals = [patience, this.#end.signal, ...(signal === undefined ? [] : [signal])];
    const text = body === undefined ? undefined : JSON.stringify(body);
    return await this.#http.ask(url, { method, headers }, text, AbortSignal.any(signals));
  }
}

/** The JSON of an answer. @throws NetkitError STORE_UNAVAILABLE: another server may have the address */
export function parsed<T>({ address, body }: Pick<Answer, "address" | "body">): T {
  try {
    return JSON.parse(body) as T;
  } catch (cause) {
    const said = body.trim().slice(0, 200);
    throw unavailable([address], `what answers there is no Consul: ${said}`, "none", cause);
  }
}

function accept(answer: Answer, prefix: string): Answer {
  const { address, body, status } = answer;
  if (status === 401 || status === 403) throw refused(address, prefix, body.trim());
  if (status === 413) throw tooLarge(body.trim());
  // Not there, and a conflict, are answers to some calls.
  if ([200, 404, 409].includes(status)) return answer;
  throw unexpected(answer);
}
