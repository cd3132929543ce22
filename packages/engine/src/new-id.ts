import { closeSync, openSync, readSync } from "node:fs";
import type { Id } from "@netkit/core";

/** A new random id: 32 random bytes (random(4)) as 64 hex digits. Loading node:crypto for them would take 5 ms. */
export function newId<T extends Id>(): T {
  const bytes = Buffer.alloc(32);
  const source = openSync("/dev/urandom", "r");
  readSync(source, bytes);
  closeSync(source);
  return bytes.toString("hex") as T;
}
