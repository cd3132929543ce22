import { spawn, type ChildProcess } from "node:child_process";
import { expect, test } from "vitest";
import { bootId, Exits, processStartTime, type ProcessIdentity } from "../src/index.ts";

function identify({ pid = 0 }: ChildProcess): ProcessIdentity {
  return { pid, startTime: processStartTime(pid) ?? "", boot: bootId() };
}

test("the end of each process is told once, and of no other", async () => {
  using exits = new Exits();
  const children = Array.from({ length: 5 }, () => spawn("sleep", ["60"]));
  const told: number[] = [];
  const all = children.map(
    (child, index) =>
      new Promise<void>((resolve) => {
        expect(exits.watch(identify(child), () => (told.push(index), resolve()))).toBeDefined();
      }),
  );
  expect(exits.size).toBe(5);
  for (const index of [3, 0]) {
    children[index]?.kill("SIGKILL");
    await all[index];
  }
  expect(told).toEqual([3, 0]);
  expect(exits.size).toBe(3);
  // Watching goes on after all have ended, too.
  for (const child of children) child.kill();
  await Promise.all(all);
  expect(new Set(told)).toEqual(new Set([0, 1, 2, 3, 4]));
  expect(told).toHaveLength(5);
  const later = spawn("sleep", ["60"]);
  const end = new Promise<void>((resolve) => exits.watch(identify(later), resolve));
  later.kill();
  await end;
});

test("what has ended before isn't watched, nor what has its pid now", async () => {
  using exits = new Exits();
  const child = spawn("true");
  const identity = identify(child);
  await new Promise((resolve) => child.on("exit", resolve));
  expect(exits.watch(identity, () => {})).toBeUndefined();
  expect(exits.watch({ pid: process.pid, startTime: "1", boot: bootId() }, () => {})).toBeUndefined();
  expect(exits.size).toBe(0);
});

test("of one that isn't watched any more nothing is told", async () => {
  using exits = new Exits();
  const [dropped, kept] = [spawn("sleep", ["60"]), spawn("sleep", ["60"])];
  const told: string[] = [];
  const end = new Promise<void>((resolve) => exits.watch(identify(kept), () => (told.push("kept"), resolve())));
  const watch = exits.watch(identify(dropped), () => told.push("dropped"));
  watch?.[Symbol.dispose]();
  watch?.[Symbol.dispose]();
  expect(exits.size).toBe(1);
  const gone = new Promise((resolve) => dropped.on("exit", resolve));
  dropped.kill();
  await gone;
  kept.kill();
  await end;
  expect(told).toEqual(["kept"]);
});

test("closing it keeps nothing waiting and leaves no descriptor", async () => {
  const { readdirSync } = await import("node:fs");
  const open = (): number => readdirSync("/proc/self/fd").length;
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  const before = open();
  const exits = new Exits();
  const { promise, resolve } = Promise.withResolvers<void>();
  exits.watch(identify(child), resolve);
  exits.close();
  const until = performance.now() + 5_000;
  while (open() > before && performance.now() < until) await new Promise((next) => setImmediate(next));
  // Those of earlier children may go meanwhile.
  expect(open()).toBeLessThanOrEqual(before);
  child.kill();
  await new Promise((ended) => child.on("exit", ended));
  expect(await Promise.race([promise.then(() => "told"), Promise.resolve("silent")])).toBe("silent");
});
