import { toNetkitError, type NetkitError } from "@netkit/core";
import type { Events } from "./events.ts";

/** Tells what goes wrong while the agent runs: its log, and who listens, for a log on a full disk takes nothing. */
export class Troubles {
  readonly #events: Events;
  readonly #onError: ((error: NetkitError) => void) | undefined;
  /** What was told last of work that is done again and again. */
  readonly #told = new Map<string, string>();

  constructor(events: Events, onError: ((error: NetkitError) => void) | undefined) {
    this.#events = events;
    this.#onError = onError;
  }

  report(error: unknown): void {
    const known = toNetkitError(error);
    const { code, message, hint } = known;
    const attributes = { code, message, ...(hint === undefined ? {} : { hint }) };
    this.#events.emit({ type: "agent", action: "degraded", id: String(process.pid), name: "agent", attributes });
    this.log(known);
  }

  /** Of what has an event of its own. */
  log(error: NetkitError): void {
    this.#onError?.(error);
  }

  /** Does work that will be done again, and tells once why it fails, until it has gone well or fails otherwise. */
  async attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.#told.delete(what);
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.#told.get(what) !== why) this.report(error);
      this.#told.set(what, why);
      return false;
    }
  }
}
