import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { directory } from "./directory.ts";
import { open } from "./stores.ts";

const script = join(import.meta.dirname, "child.ts");

function start(...args: string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}

/** What each of several children said that ran at the same time and ended well. */
async function together(children: number, ...args: string[]): Promise<string[]> {
  const all = Array.from({ length: children }, () => start(...args));
  return await Promise.all(
    all.map(async (child) => {
      const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
      // Not even a warning that node:sqlite is experimental.
      expect({ err, status }).toEqual({ err: "", status: 0 });
      return out;
    }),
  );
}

test(
  "of processes that want the same key exactly one gets it, from the making of the file on",
  { timeout: 60_000 },
  async () => {
    const path = join(directory(), "new", "state.db");
    const lines = (await together(6, "claim", path, "100")).flatMap((out) => out.split("\n").filter(Boolean));
    expect(lines.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(await open({ path }).range("claim/")).toHaveLength(100);
  },
);

test("who opens a file waits for a process that is making it", { timeout: 60_000 }, async () => {
  const path = join(directory(), "state.db");
  const maker = new DatabaseSync(path);
  maker.exec("BEGIN IMMEDIATE");
  const child = start("claim", path, "1");
  const files = `/proc/${child.pid}/fd`;
  const hasIt = (): boolean => readdirSync(files).some((name) => linkOf(join(files, name)) === path);
  await expect.poll(hasIt, { timeout: 30_000, interval: 5 }).toBe(true);
  // Nor does it give up later.
  await setTimeout(300);
  expect(child.exitCode).toBeNull();
  maker.exec("ROLLBACK");
  maker.close();
  const [out, err, ended] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  expect({ out, err, ended }).toEqual({ out: "0\n", err: "", ended: [0, null] });
});

test("of processes that read, change and write nobody's change is lost", { timeout: 60_000 }, async () => {
  const path = join(directory(), "state.db");
  await together(4, "add", path, "50");
  expect(await open({ path }).get("counter")).toMatchObject({ value: 200 });
});

test("what was acknowledged is there after kill -9, and no commit is there in part", { timeout: 60_000 }, async () => {
  const path = join(directory(), "state.db");
  for (const enough of [1, 10, 50, 200]) {
    const child = start("write", path);
    let said = "";
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (said.split("\n").length > enough) child.kill("SIGKILL");
    }
    const acknowledged = said.split("\n").filter(Boolean).map(Number);
    expect(acknowledged.length).toBeGreaterThanOrEqual(enough);

    const store = open({ path });
    const [a, b] = await Promise.all([store.range("a/"), store.range("b/")]);
    const found = new Map(a.map(({ key, value }) => [key.slice(2), String(value).length]));
    for (const n of acknowledged) expect(found.get(String(n))).toBe(n % 3000);
    expect(b.map(({ key, value, revision }) => [key.slice(2), value, revision])).toEqual(
      a.map(({ key, value, revision }) => [key.slice(2), value, revision]),
    );
    await store.close();
    const database = new DatabaseSync(path);
    expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    database.close();
  }
});
