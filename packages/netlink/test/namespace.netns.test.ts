import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import {
  attachNamespace,
  createLink,
  createNamespace,
  namespaceCookie,
  openNamespace,
  openNetlink,
  removeNamespace,
  setSyscalls,
  syscalls,
  withNamespace,
} from "../src/index.ts";
import type { Syscalls } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

const own = readlinkSync("/proc/thread-self/ns/net");
const path = `/run/netns/netlink-test-${process.pid}-created`;

afterEach(() => {
  // oxlint-disable-next-line vitest/no-standalone-expect -- true after every test: the thread is at home
  expect(readlinkSync("/proc/thread-self/ns/net")).toBe(own);
});

test("a created namespace is one that iproute2 knows, with loopback down, and goes without a trace", () => {
  createNamespace(path);
  try {
    const name = path.slice("/run/netns/".length);
    const rows = JSON.parse(execFileSync("ip", ["-n", name, "-j", "link"], { encoding: "utf8" })) as unknown[];
    expect(rows).toMatchObject([{ ifname: "lo", operstate: "DOWN" }]);
    expect(() => createNamespace(path)).toThrow(expect.objectContaining({ code: "EEXIST" }));
    expect(execFileSync("ip", ["netns"], { encoding: "utf8" })).toContain(name);
  } finally {
    removeNamespace(path);
  }
  expect(existsSync(path)).toBe(false);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(path);
  expect(() => removeNamespace(path)).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test("a further path keeps a namespace that lost its first one", () => {
  createNamespace(path);
  using held = openNamespace(path);
  const cookie = namespaceCookie(path);
  removeNamespace(path);
  attachNamespace(path, `/proc/self/fd/${held.fd}`);
  try {
    expect(namespaceCookie(path)).toBe(cookie);
    expect(() => attachNamespace(path, "/proc/self/ns/net")).toThrow(expect.objectContaining({ code: "EEXIST" }));
  } finally {
    removeNamespace(path);
  }
  expect(() => attachNamespace(path, "/nowhere")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  expect(existsSync(path)).toBe(false);
});

test("a failure at any step of creating a namespace leaves nothing behind", () => {
  const real = syscalls();
  const failing: Partial<Syscalls>[] = [
    { unshare: () => -12 },
    { mount: (...args) => (args[1] === path ? -12 : real.mount(...args)) },
  ];
  for (const calls of failing) {
    setSyscalls({ ...real, ...calls });
    try {
      expect(() => createNamespace(path)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
    } finally {
      setSyscalls(real);
    }
    expect(existsSync(path)).toBe(false);
  }
});

test("the file that a killed process left unmounted is removed", () => {
  writeFileSync(path, "");
  removeNamespace(path);
  expect(existsSync(path)).toBe(false);
});

test("work runs in the namespace, and the thread comes back when it throws", () => {
  using host = makeNamespace();
  const inside = withNamespace(host.path, () => readlinkSync("/proc/thread-self/ns/net"));
  expect(inside).not.toBe(own);
  const seen = withNamespace(host.path, () => execFileSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" }));
  expect(seen.trim()).toBe(inside);
  expect(() =>
    withNamespace(host.path, () => {
      throw new Error("of the work");
    }),
  ).toThrow("of the work");
  expect(() => withNamespace("/run/netns/none", () => 1)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  expect(() => withNamespace("/proc/self/ns/uts", () => 1)).toThrow(expect.objectContaining({ code: "EINVAL" }));
});

test("work that returns a promise is refused", () => {
  using host = makeNamespace();
  expect(() => withNamespace(host.path, () => Promise.resolve(1))).toThrow(TypeError);
  expect(() => withNamespace(host.path, () => Promise.reject(new Error("unseen")))).toThrow(TypeError);
});

test("a thread that can't enter a namespace isn't lost", () => {
  using host = makeNamespace();
  const real = syscalls();
  setSyscalls({ ...real, setns: () => -1 });
  try {
    expect(() => withNamespace(host.path, () => 1)).toThrow(
      expect.objectContaining({ code: "EPERM", op: `enter network namespace ${host.path}` }),
    );
  } finally {
    setSyscalls(real);
  }
  expect(withNamespace(host.path, () => 1)).toBe(1);
});

test("a thread that can't come back says so, and refuses to go anywhere again", async () => {
  using host = makeNamespace();
  const script = fileURLToPath(new URL("lost-thread.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, host.path]);
  expect(stdout.split("\n")).toEqual([
    "return to the thread's own network namespace: the thread is lost in another namespace, end this process (EIO)",
    "return to the thread's own network namespace: the thread is lost in another namespace, end this process (EIO)",
    "",
  ]);
});

test("a cookie is the namespace's own, however it is named", () => {
  using a = makeNamespace();
  using b = makeNamespace();
  using handle = openNamespace(a.path);
  const cookie = namespaceCookie(a.path);
  expect(namespaceCookie(handle.fd)).toBe(cookie);
  expect(withNamespace(a.path, () => namespaceCookie())).toBe(cookie);
  expect(new Set([cookie, namespaceCookie(b.path), namespaceCookie()]).size).toBe(3);
});

test("a socket stays in its namespace, opened by path or by descriptor", () => {
  using host = makeNamespace();
  using handle = openNamespace(host.path);
  using byPath = openNetlink({ namespace: host.path });
  using byDescriptor = openNetlink({ namespace: handle.fd });
  createLink(byPath, { kind: "bridge", name: "br0" });
  createLink(byDescriptor, { kind: "bridge", name: "br1" });
  expect(host.ipJson("link show").map((row) => row["ifname"])).toEqual(["lo", "br0", "br1"]);
});
