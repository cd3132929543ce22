import type { Namespace, Store } from "@netkit/core";
import { readerOf, type Reader } from "./lookup.ts";
import { locate } from "./whereabouts.ts";

/**
 * What is stored and where the namespaces are, each range read and each namespace looked for once: for whoever compares
 * everything with the kernel and asks for the same several times. Of one moment; whoever changes something takes a new one.
 */
export class Survey implements Reader {
  readonly #reader: Reader;
  readonly #ranges = new Map<string, Promise<unknown>>();
  readonly #located = new Map<string, string | undefined>();

  constructor(store: Store) {
    this.#reader = readerOf(store);
  }

  get<T>(key: string): Promise<T | undefined> {
    return this.#reader.get<T>(key);
  }

  getAll<T>(keys: readonly string[]): Promise<ReadonlyMap<string, T>> {
    return this.#reader.getAll<T>(keys);
  }

  range<T>(prefix: string, options?: { from?: string; limit?: number }): Promise<{ key: string; value: T }[]> {
    if (options !== undefined) return this.#reader.range<T>(prefix, options);
    const found = this.#ranges.get(prefix) ?? this.#reader.range<T>(prefix);
    this.#ranges.set(prefix, found);
    return found as Promise<{ key: string; value: T }[]>;
  }

  /** As {@link locate}. */
  locate(namespace: Namespace): string | undefined {
    const { id } = namespace;
    if (!this.#located.has(id)) this.#located.set(id, locate(namespace));
    return this.#located.get(id);
  }
}
