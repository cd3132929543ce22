import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileResource } from "@netkit/core";
import { expect, test } from "vitest";
import { sh, TestHost } from "./host.ts";

/** A file system of 64 KiB, with nothing on it. */
class SmallDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "netkit-small-"));

  constructor() {
    sh(`mount -t tmpfs -o size=64k netkit-test ${this.path}`);
  }

  /** Takes all space that is left. */
  fill(): void {
    sh(`dd if=/dev/zero of=${this.path}/ballast bs=4k 2>/dev/null || true`);
  }

  [Symbol.dispose](): void {
    sh(`umount ${this.path}`);
    rmSync(this.path, { recursive: true });
  }
}

const fileAt = (path: string, content: string): FileResource => ({ kind: "file", ns: "host", path, content });

test("a file whose directory can't be removed comes back", async () => {
  using host = new TestHost();
  using disk = new SmallDisk();
  const directory = join(disk.path, "parent/web");
  const hosts = fileAt(join(directory, "hosts"), "127.0.0.1 localhost\n");
  await host.handler.apply(host.creates(hosts));
  sh(`chattr +i ${disk.path}/parent`);
  try {
    await expect(host.handler.apply(host.removes(hosts))).rejects.toMatchObject({ code: "PERMISSION" });
    expect(readFileSync(hosts.path, "utf8")).toBe(hosts.content);
  } finally {
    sh(`chattr -i ${disk.path}/parent`);
  }
});

test("a file that doesn't fit on its disk any more keeps its old content, and the error says why", async () => {
  using host = new TestHost();
  using disk = new SmallDisk();
  const hosts = fileAt(join(disk.path, "hosts"), "127.0.0.1 localhost\n");
  await host.handler.apply(host.creates(hosts));
  disk.fill();
  const longer = { ...hosts, content: hosts.content.repeat(500) };
  await expect(host.handler.apply(host.replaces(hosts, longer))).rejects.toMatchObject({
    code: "KERNEL",
    message: expect.stringContaining(hosts.path),
    hint: "Its file system is full: free some space.",
  });
  expect(readFileSync(hosts.path, "utf8")).toBe(hosts.content);
});

test("a new file on a full disk leaves nothing", async () => {
  using host = new TestHost();
  using disk = new SmallDisk();
  mkdirSync(join(disk.path, "other"));
  disk.fill();
  writeFileSync(join(disk.path, "other/empty"), "");
  const hosts = fileAt(join(disk.path, "web/hosts"), "127.0.0.1 localhost\n");
  await expect(host.handler.apply(host.creates(hosts))).rejects.toMatchObject({ code: "KERNEL" });
  expect(sh(`find ${disk.path} -path '*web*'`)).toBe("");
});

test("on a read-only file system the error says so", async () => {
  using host = new TestHost();
  using disk = new SmallDisk();
  sh(`mount -o remount,ro ${disk.path}`);
  await expect(host.handler.apply(host.creates(fileAt(join(disk.path, "hosts"), "x")))).rejects.toMatchObject({
    code: "KERNEL",
    hint: "Its file system is mounted read-only: see 'findmnt'.",
  });
});

test("what a removal had done before it failed stays, when it is to go forward", async () => {
  using host = new TestHost();
  using disk = new SmallDisk();
  const stuck = fileAt(join(disk.path, "parent/web/hosts"), "x");
  const free = fileAt(join(disk.path, "free"), "x");
  await host.handler.apply(host.creates(stuck, free));
  const changes = host.removes(free, stuck);
  sh(`chattr +i ${disk.path}/parent/web`);
  await expect(host.handler.apply(changes)).rejects.toMatchObject({ code: "PERMISSION" });
  expect(readFileSync(free.path, "utf8")).toBe("x");
  await expect(host.handler.apply(changes, { forward: true })).rejects.toMatchObject({ code: "PERMISSION" });
  expect(() => readFileSync(free.path)).toThrow(/ENOENT/);
  sh(`chattr -i ${disk.path}/parent/web`);
  await host.handler.apply(changes, { forward: true });
  expect(sh(`ls ${disk.path}`)).toBe("parent\n");
});
