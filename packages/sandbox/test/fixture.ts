import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, onTestFinished } from "vitest";
import { spawnInSandbox, type ExitStatus, type SpawnOptions } from "../src/index.ts";

let count = 0;

/** A namespace made by iproute2, gone after the test; its path. */
export function makeNamespace(): string {
  const name = `nkt-sandbox-${process.pid}-${count++}`;
  execFileSync("ip", ["netns", "add", name]);
  onTestFinished(() => void execFileSync("ip", ["netns", "del", name]));
  return `/run/netns/${name}`;
}

export function makeDirectory(files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), "netkit-sandbox-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

export interface Output extends ExitStatus {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run to the end, with its output. */
export async function collect(options: SpawnOptions, input: string = ""): Promise<Output> {
  const child = spawnInSandbox({ ...options, stdio: "pipe" });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("no pipes");
  // A command that doesn't read may have ended by now.
  stdin.on("error", () => {});
  stdin.end(input);
  const [out, err, status] = await Promise.all([text(stdout), text(stderr), child.exited]);
  return { pid: child.pid, stdout: out, stderr: err, ...status };
}

/** After each test of the file the caller and the host are as before. */
export function keepSurroundings(): void {
  let before: unknown;
  beforeEach(() => {
    before = surroundings();
  });
  afterEach(() => assert.deepStrictEqual(surroundings(), before));
}

/** Namespaces of every thread, directory, mounts, hostname, /etc. */
function surroundings(): unknown {
  const threads = readdirSync("/proc/self/task").map((thread) =>
    ["net", "mnt", "uts"].map((kind) => readlinkSync(`/proc/self/task/${thread}/ns/${kind}`)).join(" "),
  );
  return {
    namespaces: [...new Set(threads)],
    cwd: process.cwd(),
    // With the first namespace that it names iproute2 makes the folder a shared mount.
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => !/ \/run\/netns[ /]/.test(line)),
    hostname: readFileSync("/proc/sys/kernel/hostname", "utf8"),
    etc: readdirSync("/etc").join(),
    files: ["resolv.conf", "hosts", "hostname"].map((name) => readFileSync(`/etc/${name}`, "utf8")),
  };
}
