import type { Response } from "./response.ts";

/** Memory for all caches. */
export interface Budget {
  readonly maxBytes: number;
  usedBytes: number;
}

interface Entry {
  readonly response: Response;
  readonly storedMs: number;
  readonly expiresMs: number;
  readonly bytes: number;
}

/** About what an entry takes beside its message: objects, key, one TTL each. */
const [entryBytes, ttlBytes] = [600, 40];

/** Answers of one set of servers, the least recently used first to go; it never takes memory from another. */
export class Cache {
  readonly #entries = new Map<string, Entry>();
  readonly #budget: Budget;
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number, budget: Budget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** What was said of the question, and how long ago. */
  get(key: string, nowMs: number): { response: Response; ageSeconds: number } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#drop(key, entry);
    if (nowMs >= entry.expiresMs) return undefined;
    this.#add(key, entry);
    return { response: entry.response, ageSeconds: Math.floor((nowMs - entry.storedMs) / 1000) };
  }

  set(key: string, response: Response, keepSeconds: number, nowMs: number): void {
    const old = this.#entries.get(key);
    if (old !== undefined) this.#drop(key, old);
    const bytes = entryBytes + response.message.length + 2 * key.length + ttlBytes * response.ttls.length;
    while (this.#usedBytes + bytes > this.#maxBytes || this.#budget.usedBytes + bytes > this.#budget.maxBytes) {
      const oldest = this.#entries.entries().next().value;
      if (oldest === undefined) return;
      this.#drop(...oldest);
    }
    this.#add(key, { response, storedMs: nowMs, expiresMs: nowMs + keepSeconds * 1000, bytes });
  }

  clear(): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#usedBytes += entry.bytes;
    this.#budget.usedBytes += entry.bytes;
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#usedBytes -= entry.bytes;
    this.#budget.usedBytes -= entry.bytes;
  }
}

/** A cache for each object, for as long as the object lives. */
export class Caches {
  readonly #caches = new WeakMap<object, Cache>();
  readonly #gone = new FinalizationRegistry((cache: Cache) => cache.clear());
  readonly #maxBytesEach: number;
  readonly #budget: Budget;

  constructor(maxBytesEach: number, maxBytes: number) {
    this.#maxBytesEach = maxBytesEach;
    this.#budget = { maxBytes, usedBytes: 0 };
  }

  of(owner: object): Cache {
    const found = this.#caches.get(owner);
    if (found !== undefined) return found;
    const made = new Cache(this.#maxBytesEach, this.#budget);
    this.#caches.set(owner, made);
    this.#gone.register(owner, made);
    return made;
  }
}
