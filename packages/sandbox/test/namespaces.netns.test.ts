import { execFileSync, spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import {
  findNamespace,
  identifyNamespace,
  namespaceOfPid,
  processesIn,
  sameNamespace,
  spawnInSandbox,
} from "../src/index.ts";
import { makeDirectory, makeNamespace } from "./fixture.ts";

test("one namespace is the same by its name and by a process in it", async () => {
  const path = makeNamespace();
  const child = spawnInSandbox({ namespacePath: path, command: ["sleep", "100"], stdio: "ignore" });
  await child.started;
  const [byName, byPid] = [identifyNamespace(path), identifyNamespace(namespaceOfPid(child.pid))];
  expect(byName).toEqual(byPid);
  expect(byName.inode).toBe(statSync(path, { bigint: true }).ino);
  expect(sameNamespace(byName, byPid)).toBe(true);
  expect(sameNamespace(byName, identifyNamespace("/proc/self/ns/net"))).toBe(false);
  expect(processesIn(path)).toEqual([child.pid]);
  child.kill("SIGKILL");
  await child.exited;
  expect(processesIn(path)).toEqual([]);
});

/** A process that has one of its threads look into a namespace until its standard input ends. */
async function visit(path: string): Promise<ChildProcessByStdio<Writable, Readable, null>> {
  const program = `
    import { withNamespace } from "@netkit/netlink";
    import { readSync, writeSync } from "node:fs";
    withNamespace(${JSON.stringify(path)}, () => {
      writeSync(1, "inside");
      readSync(0, Buffer.alloc(1));
    });`;
  const visitor = spawn(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(visitor.stdout, "data");
  expect(statSync(namespaceOfPid(visitor.pid ?? 0)).ino).toBe(statSync(path).ino);
  return visitor;
}

test("a process that looks into a namespace with one of its threads isn't in it", async () => {
  const path = makeNamespace();
  const visitor = await visit(path);
  expect(processesIn(path)).toEqual([]);
  visitor.stdin.end("!");
  expect(await once(visitor, "exit")).toEqual([0, null]);
});

test("nor is it while it dies, and has fewer and fewer threads", async () => {
  const path = makeNamespace();
  for (let round = 0; round < 8; round++) {
    const visitor = await visit(path);
    const isInside = (): boolean => {
      try {
        return statSync(namespaceOfPid(visitor.pid ?? 0)).ino === statSync(path).ino;
      } catch {
        return false;
      }
    };
    visitor.kill("SIGKILL");
    while (isInside()) expect(processesIn(path)).toEqual([]);
    expect(await once(visitor, "exit")).toEqual([null, "SIGKILL"]);
  }
});

test("a namespace is found by its cookie: by name, else through a process, until it is gone", async () => {
  const path = makeNamespace();
  const { cookie } = identifyNamespace(path);
  expect(findNamespace(cookie)).toBe(path);

  const name = `nkt-gone-${process.pid}`;
  execFileSync("ip", ["netns", "add", name]);
  const child = spawnInSandbox({ namespacePath: `/run/netns/${name}`, command: ["sleep", "100"], stdio: "ignore" });
  await child.started; // what sets it up has processes of its own
  const gone = identifyNamespace(`/run/netns/${name}`).cookie;
  execFileSync("ip", ["netns", "del", name]);
  expect(findNamespace(gone)).toBe(`/proc/${child.pid}/ns/net`);
  child.kill("SIGKILL");
  await child.exited;
  expect(findNamespace(gone)).toBeUndefined();
});

const thrown = (code: string) => expect.objectContaining({ code });

test("what is no namespace is refused by name", () => {
  const file = join(makeDirectory(), "file");
  copyFileSync("/etc/hosts", file);
  expect(() => identifyNamespace(file)).toThrow(thrown("NAMESPACE_NOT_FOUND"));
  expect(() => identifyNamespace("/run/netns/netkit-none")).toThrow(thrown("NAMESPACE_NOT_FOUND"));
  expect(() => processesIn("/run/netns/netkit-none")).toThrow(thrown("NAMESPACE_NOT_FOUND"));
  expect(() => namespaceOfPid(2 ** 30)).toThrow(thrown("ARGUMENT_INVALID"));
});
