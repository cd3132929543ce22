/**
 * What the tests run in processes of their own: `child.ts <what> <path> [count]`. Each line of output is written at once,
 * so that a killed child has said what it had done.
 */
import { writeSync } from "node:fs";
import { openSqliteStore } from "../src/index.ts";

const [, , what, path = "", count = "0"] = process.argv;
const store = openSqliteStore({ path });

function say(line: string | number): void {
  writeSync(1, `${line}\n`);
}

/** Takes each key that nobody has, and says which ones it got. */
async function claim(): Promise<void> {
  for (let n = 0; n < Number(count); n++) {
    const key = `claim/${n}`;
    const result = await store.commit({ checks: [{ key, revision: 0 }], writes: [{ key, value: process.pid }] });
    if (result.committed) say(n);
  }
}

/** Adds one to a counter, reading again whenever another process was faster. */
async function add(): Promise<void> {
  for (let n = 0; n < Number(count);) {
    const entry = await store.get("counter");
    const result = await store.commit({
      checks: [{ key: "counter", revision: entry?.revision ?? 0 }],
      writes: [{ key: "counter", value: Number(entry?.value ?? 0) + 1 }],
    });
    if (result.committed) n++;
  }
}

/** Writes pairs of keys until it is killed, and says which ones were acknowledged. */
async function write(): Promise<never> {
  for (let n = 0; ; n++) {
    const value = "x".repeat(n % 3000);
    await store.commit({ checks: [], writes: [`a/${n}`, `b/${n}`].map((key) => ({ key, value })) });
    say(n);
  }
}

const tasks: Readonly<Record<string, () => Promise<void>>> = { claim, add, write };
try {
  await tasks[what ?? ""]?.();
} finally {
  await store.close();
}
