import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { bootId, isAlive, processStartTime, signalProcess, stop, waitForExit } from "../src/index.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function start(file: string, ...args: string[]): Promise<{ child: ChildProcess; identity: Identity }> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child, "spawn");
  const { pid = 0 } = child;
  return { child, identity: { pid, startTime: processStartTime(pid) ?? "", boot: bootId() } };
}
interface Identity {
  pid: number;
  startTime: string;
  boot: string;
}

test("alive until it ends", async () => {
  const { child, identity } = await start("sleep", "100");
  expect(isAlive(identity)).toBe(true);
  expect(signalProcess(identity, "SIGTERM")).toBe(true);
  await once(child, "exit");
  expect(isAlive(identity)).toBe(false);
  expect(signalProcess(identity, "SIGTERM")).toBe(false);
});

test("another start time or boot is another process, which gets no signal", async () => {
  const { identity } = await start("sleep", "100");
  for (const other of [
    { ...identity, startTime: String(Number(identity.startTime) - 1) },
    { ...identity, boot: "00000000-0000-0000-0000-000000000000" },
  ]) {
    expect(isAlive(other)).toBe(false);
    expect(signalProcess(other, "SIGKILL")).toBe(false);
    expect(await waitForExit(other)).toBe(true);
  }
  expect(isAlive(identity)).toBe(true);
});

test("a zombie doesn't live", async () => {
  // The shell becomes a sleep that never waits for the child of the shell.
  const { child } = await start("sh", "-c", "sleep 100 & echo $!; exec sleep 100");
  const pid = Number(String((await once(child.stdout as NodeJS.ReadableStream, "data"))[0]));
  const identity = { pid, startTime: processStartTime(pid) ?? "", boot: bootId() };
  // Until then the shell would wait for it.
  await vi.waitUntil(() => readFileSync(`/proc/${child.pid}/comm`, "latin1") === "sleep\n");
  process.kill(pid, "SIGKILL");
  expect(await waitForExit(identity, { timeoutMs: 5000 })).toBe(true);
  expect(readFileSync(`/proc/${pid}/stat`, "latin1")).toContain(") Z ");
});

test("a name with blanks and parentheses", async () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-process-"));
  symlinkSync("/bin/sleep", join(folder, "a) R (b 1"));
  const { identity } = await start(join(folder, "a) R (b 1"), "100");
  expect(readFileSync(`/proc/${identity.pid}/comm`, "utf8")).toBe("a) R (b 1\n");
  expect(isAlive(identity)).toBe(true);
  rmSync(folder, { recursive: true });
});

test("waiting ends with the process, the time or the caller", async () => {
  const { child, identity } = await start("sleep", "100");
  expect(await waitForExit(identity, { timeoutMs: 5 })).toBe(false);
  await expect(waitForExit(identity, { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ code: "CANCELLED" });
  const waiting = waitForExit(identity);
  child.kill("SIGKILL");
  expect(await waiting).toBe(true);
});

test("stop asks first", async () => {
  const { child, identity } = await start("sleep", "100");
  const ended = once(child, "exit");
  await stop(identity, 10_000);
  expect(await ended).toEqual([null, "SIGTERM"]);
});

test("stop kills what doesn't listen", async () => {
  const { child, identity } = await start("sh", "-c", "trap '' TERM; echo; exec sleep 100");
  await once(child.stdout as NodeJS.ReadableStream, "data");
  const ended = once(child, "exit");
  await stop(identity, 20);
  expect(await ended).toEqual([null, "SIGKILL"]);
});
