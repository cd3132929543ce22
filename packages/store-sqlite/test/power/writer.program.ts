/**
 * Goes on with the transactions of a seed where the file has them end: `writer.program.ts PATH SEED COUNT WAY`. It says the
 * number of each that is on disk, with all before it, at once.
 */
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../src/index.ts";
import { lastKey, transaction } from "./transactions.ts";

/** `right`; or as a store would that must be found out: `early` says of what was only committed that it is on disk, `off` never flushes. */
export type Way = "right" | "early" | "off";

const [path = "", seed = "", count = "", way = "right"] = process.argv.slice(2);
writeSync(1, "opening\n");
const store = openSqliteStore({ path, synchronous: way === "off" ? "off" : "full" });
const first = Number((await store.get(lastKey))?.value ?? 0) + 1;
writeSync(1, "ready\n");
for (let number = first; number < first + Number(count); number++) {
  const { writes, durable, flushed } = transaction(Number(seed), number);
  await store.commit({ checks: [], writes, durable: durable && way !== "early" });
  if (!durable && flushed && way !== "early") await store.flush();
  if (durable || flushed) writeSync(1, `${number}\n`);
}
await store.close();
