import { closeSync, openSync, readSync } from "node:fs";
import { isId, NetkitError, type Id } from "@netkit/core";
import type { Draft } from "./draft.ts";

const idBytes = 32;
const idsPerRead = 16;
let pool = Buffer.alloc(0);

/** A new random id: 32 random bytes (random(4)) as 64 hex digits. Loading node:crypto for them would take 5 ms. */
export function newId<T extends Id>(): T {
  if (pool.length === 0) pool = randomBytes(idBytes * idsPerRead);
  const id = pool.toString("hex", 0, idBytes);
  pool = pool.subarray(idBytes);
  return id as T;
}

/**
 * The id that somebody has for it already, or a new one.
 * @param key of what has the id
 * @throws NetkitError ARGUMENT_INVALID, NAME_TAKEN
 */
export async function chosenId<T extends Id>(
  draft: Draft,
  what: string,
  wanted: string | undefined,
  key: (id: T) => string,
): Promise<T> {
  if (wanted === undefined) return newId<T>();
  if (!isId(wanted)) {
    throw new NetkitError("ARGUMENT_INVALID", `${JSON.stringify(wanted.slice(0, 80))} is no id of ${what}`, {
      hint: "An id is 64 lower-case hex digits; leave it out to get one.",
    });
  }
  if (!(await draft.has(key(wanted as T)))) return wanted as T;
  throw new NetkitError("NAME_TAKEN", `${what} with the id ${wanted} exists already`, {
    hint: "Leave out the id to get another one.",
    details: { id: wanted },
  });
}

function randomBytes(count: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(count);
  const source = openSync("/dev/urandom", "r");
  try {
    readSync(source, bytes);
  } finally {
    closeSync(source);
  }
  return bytes;
}
