import { closeSync, openSync, readSync } from "node:fs";
import type { Id } from "@netkit/core";

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
