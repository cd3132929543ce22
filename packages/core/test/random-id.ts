import { randomBytes } from "node:crypto";
import type { Id } from "../src/index.ts";

export function randomId<T extends Id>(): T {
  return randomBytes(32).toString("hex") as T;
}
