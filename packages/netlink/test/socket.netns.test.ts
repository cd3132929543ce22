import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { constants } from "node:os";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import {
  createLink,
  delLink,
  delNeighbour,
  isNetlinkError,
  listLinks,
  listNeighbours,
  newAddress,
  newLink,
  newNeighbour,
  newRoute,
  openNetlink,
  setLink,
  setSyscalls,
  syscalls,
  updateLink,
} from "../src/index.ts";
import type { NetlinkMessage, Syscalls } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

const run = promisify(execFile);

function newPair(index: number): NetlinkMessage {
  return newLink({ kind: "veth", name: `v${index}`, peer: { name: `w${index}` } });
}

function descriptors(): string[] {
  return readdirSync("/proc/self/fd").toSorted();
}

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.2.${index >> 8}.${index & 255}`);
}

test("a message that fails in the middle of a batch keeps none of the others from being done", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = createLink(socket, { kind: "bridge", name: "br0", up: true }).ifindex;
  const results = socket.batch([
    newAddress({ ifindex, address: "10.1.0.1/24" }),
    newRoute({ destination: "10.9.0.0/16", gateway: "192.0.2.1", ifindex }),
    newAddress({ ifindex, address: "10.1.0.1/24" }),
    newRoute({ destination: "10.8.0.0/16", type: "blackhole" }),
  ]);
  expect(results.map((result) => (result.ok ? "ok" : `${result.error.op}: ${result.error.code}`))).toEqual([
    "ok",
    `add route 10.9.0.0/16 via 192.0.2.1 of ifindex ${ifindex}: ENETUNREACH`,
    `add address 10.1.0.1/24 of ifindex ${ifindex}: EEXIST`,
    "ok",
  ]);
  expect(host.ip("route show 10.8.0.0/16")).toContain("blackhole");
  expect(host.ip("-4 -br address show dev br0")).toContain("10.1.0.1/24");
});

test("batchOrThrow throws the first error", () => {
  using host = makeNamespace();
  using socket = host.open();
  expect(() => socket.batchOrThrow([delLink("none0"), delLink("none1")])).toThrow('delete link "none0"');
});

test("a batch larger than one send is sent in parts, and every failure finds its message", () => {
  using host = makeNamespace();
  const real = syscalls();
  // As without privileges: SO_RCVBUFFORCE gives no more than SO_RCVBUF does where rmem_max is the kernel's default.
  const modest = Buffer.from(Uint32Array.of(212_992).buffer);
  setSyscalls({
    ...real,
    setsockopt: (fd, level, name, value) =>
      real.setsockopt(fd, level, name === 33 ? 8 : name, name === 33 ? modest : value),
  });
  using socket = host.open();
  setSyscalls(real);
  const ifindex = createLink(socket, { kind: "bridge", name: "br0" }).ifindex;
  const messages = addresses(1500).map((address) => newNeighbour({ ifindex, address, mac: "02:00:00:00:00:01" }));
  const results = socket.batch([...messages, ...messages]);
  expect(results.map(({ ok }) => ok)).toEqual(Array.from({ length: 3000 }, (_, index) => index < 1500));
  expect(host.ip("-o neighbour show nud permanent").trim().split("\n")).toHaveLength(1500);
});

test("synchronous requests and asynchronous batches share a socket", async () => {
  using host = makeNamespace();
  using socket = host.open();
  socket.batchOrThrow([newPair(0), newPair(1)]);
  const first = socket.batchAsync([delLink("v0"), delLink("none0")]);
  expect(listLinks(socket).length).toBeGreaterThan(2);
  const second = socket.batchAsync([delLink("v1")]);
  createLink(socket, { kind: "bridge", name: "br0" });
  expect((await first).map(({ ok }) => ok)).toEqual([true, false]);
  expect((await second).map(({ ok }) => ok)).toEqual([true]);
  expect(host.ipJson("link show").map((row) => row["ifname"])).toEqual(["lo", "br0"]);
});

test("a closed socket refuses every use", async () => {
  const socket = openNetlink();
  socket.close();
  socket.close();
  expect(() => listLinks(socket)).toThrow(expect.objectContaining({ code: "EBADF" }));
  expect(() => socket.fd).toThrow("use a closed netlink socket");
  await expect(socket.batchAsync([delLink("none0")])).rejects.toMatchObject({ code: "EBADF" });
});

test("closing a socket while a batch is on its way leaves no descriptor and carries the batch out", async () => {
  using host = makeNamespace();
  using observer = host.open();
  const before = descriptors();
  observer.batchOrThrow([newPair(0)]);
  const socket = host.open();
  const batch = socket.batchAsync([delLink("v0")]);
  socket.close();
  await expect(batch).rejects.toMatchObject({ code: "EBADF" });
  expect(listLinks(observer).map(({ name }) => name)).toEqual(["lo"]);
  expect(descriptors()).toEqual(before);
});

test("a decoder that throws ends the dump, and the socket stays usable", () => {
  using host = makeNamespace();
  using socket = host.open();
  const list = (decode: () => unknown): unknown[] =>
    socket.dump({ type: 18, flags: 0, payload: Buffer.alloc(16), op: "list" }, decode);
  expect(() =>
    list(() => {
      throw new Error("of the decoder");
    }),
  ).toThrow("of the decoder");
  expect(list(() => 1)).toEqual([1]);
});

test("a dump that others interrupt is read again until it is whole", async () => {
  using host = makeNamespace();
  using socket = host.open();
  using churner = host.open();
  // The table must be larger than one read, and change between two.
  socket.batchOrThrow(Array.from({ length: 60 }, (_, index) => newLink({ kind: "bridge", name: `br${index}` })));
  const real = syscalls();
  let churns = 0;
  const churning: Syscalls = {
    ...real,
    recv(fd, buffer, length, flags) {
      const result = real.recv(fd, buffer, length, flags);
      if (fd === socket.fd && churns < 3) {
        churns += 1;
        setSyscalls(real);
        churner.batchOrThrow([churns % 2 ? newLink({ kind: "bridge", name: "churn" }) : delLink("churn")]);
        setSyscalls(churning);
      }
      return result;
    },
  };
  setSyscalls(churning);
  try {
    const names = listLinks(socket).map(({ name }) => name);
    expect(churns).toBe(3);
    expect(names).toHaveLength(62);
    expect(new Set(names).size).toBe(62);
    expect(names).toContain("churn");
  } finally {
    setSyscalls(real);
  }
});

test("a dump that is interrupted each time is given up", () => {
  using host = makeNamespace();
  using socket = host.open();
  using churner = host.open();
  socket.batchOrThrow(Array.from({ length: 60 }, (_, index) => newLink({ kind: "bridge", name: `br${index}` })));
  const real = syscalls();
  let churns = 0;
  const churning: Syscalls = {
    ...real,
    recv(fd, buffer, length, flags) {
      const result = real.recv(fd, buffer, length, flags);
      if (fd === socket.fd) {
        setSyscalls(real);
        const name = `churn${(churns += 1)}`;
        churner.batchOrThrow([newLink({ kind: "bridge", name })]);
        setSyscalls(churning);
      }
      return result;
    },
  };
  setSyscalls(churning);
  try {
    expect(() => listLinks(socket)).toThrow(expect.objectContaining({ code: "EINTR", op: "list links" }));
  } finally {
    setSyscalls(real);
  }
  expect(listLinks(socket).length).toBeGreaterThan(62);
});

test("an answer that never comes is an error, and the late one is not taken for another's", () => {
  using host = makeNamespace();
  using socket = host.open();
  const real = syscalls();
  setSyscalls({ ...real, recv: () => -11 });
  expect(() => updateLink(socket, "lo", { up: true })).toThrow(expect.objectContaining({ code: "ETIMEDOUT" }));
  setSyscalls(real);
  expect(() => socket.request(setLink("none0", { up: true }))).toThrow(expect.objectContaining({ code: "ENODEV" }));
});

test("a receive that a signal interrupts goes on", () => {
  using host = makeNamespace();
  using socket = host.open();
  const real = syscalls();
  let interruptions = 2;
  setSyscalls({ ...real, recv: (...args) => (interruptions-- > 0 ? -4 : real.recv(...args)) });
  try {
    expect(listLinks(socket).map(({ name }) => name)).toEqual(["lo"]);
  } finally {
    setSyscalls(real);
  }
});

test("every system call of an attach can fail, and the error names the call's purpose", () => {
  using a = makeNamespace();
  using b = makeNamespace();
  const attach = (): void => {
    using socket = a.open();
    createLink(socket, { kind: "veth", name: "v0", up: true, peer: { name: "w0" } });
    using other = b.open();
    other.batchOrThrow([setLink("lo", { up: true })]);
    socket.batchOrThrow([delLink("v0")]);
  };
  const real = syscalls();
  const names = Object.keys(real) as (keyof Syscalls)[];
  let calls = 0;
  /** Calls number `failing` fails with EIO; closing and returning home never do. */
  const inject = (failing: number): Syscalls => {
    calls = 0;
    const wrapped: Record<string, unknown> = { ...real };
    for (const name of names.filter((name) => name !== "close" && name !== "setns")) {
      const call = real[name] as (...args: unknown[]) => unknown;
      wrapped[name] = (...args: unknown[]) => ((calls += 1) === failing ? -5 : call(...args));
    }
    return wrapped as unknown as Syscalls;
  };
  const fault = (failing: number): unknown => {
    setSyscalls(inject(failing));
    try {
      attach();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      setSyscalls(real);
      using cleaner = a.open();
      cleaner.batch([delLink("v0")]);
    }
  };
  expect(fault(0)).toBeUndefined();
  const total = calls;
  expect(total).toBeGreaterThan(15);
  const outcomes = Array.from({ length: total }, (_, index) => fault(index + 1));
  // The larger receive queue is a wish: its failure alone is none.
  expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(2);
  expect(
    outcomes.every((outcome) => outcome === undefined || (isNetlinkError(outcome) && outcome.code === "EIO")),
  ).toBe(true);
  expect(a.ipJson("link show").map((row) => row["ifname"])).toEqual(["lo"]);
}, 30_000);

test("what the kernel answers late waits beside everything else, each by itself", async () => {
  using host = makeNamespace();
  using socket = host.open();
  const pairs = Array.from({ length: 12 }, (_, index) => index);
  socket.batchOrThrow(pairs.map(newPair));
  let answered = 0;
  const deletions = pairs.map(async (index) => {
    const results = await socket.batchAsync([delLink(`v${index}`)]);
    answered += 1;
    return results;
  });
  // More than libuv has threads for: what needs one of those comes first all the same.
  await stat(host.path);
  expect(answered).toBe(0);
  expect((await Promise.all(deletions)).flat().every(({ ok }) => ok)).toBe(true);
  expect(listLinks(socket).map(({ name }) => name)).toEqual(["lo"]);
});

test("a late write says what is wrong, and leaves no descriptor", async () => {
  using host = makeNamespace();
  using socket = host.open();
  const before = descriptors();
  expect(await syscalls().writeLate(-1, new Uint8Array(16))).toBe(-constants.errno.EBADF);
  expect(await syscalls().writeLate(socket.fd, new Uint8Array(1024 * 1024))).toBe(-constants.errno.EMSGSIZE);
  expect(descriptors()).toEqual(before);
});

test("a flock waits on a worker thread for another process to let go", async () => {
  using host = makeNamespace();
  const calls = syscalls();
  const fd = calls.open(host.path, 0, 0);
  // The other process says that it holds the lock, and keeps it until its input ends.
  const holder = run("flock", [host.path, "sh", "-c", "echo held; read line; true"]);
  await once(holder.child.stdout ?? process, "data");
  expect(calls.flock(fd, 2 | 4)).toBe(-11);
  let locked = false;
  const waiting = calls.flockAsync(fd, 2).then((result) => ((locked = true), result));
  expect(calls.flock(fd, 2 | 4)).toBe(-11);
  expect(locked).toBe(false);
  holder.child.stdin?.end();
  expect(await waiting).toBe(0);
  await holder;
  calls.close(fd);
});

test("neighbours by the thousand come in several reads", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = createLink(socket, { kind: "bridge", name: "br0" }).ifindex;
  const entries = addresses(2000).map((address) => ({ ifindex, address, mac: "02:00:00:00:00:01" }));
  socket.batchOrThrow(entries.map(newNeighbour));
  expect(
    listNeighbours(socket, { ifindex })
      .map(({ address }) => address)
      .toSorted(),
  ).toEqual(addresses(2000).toSorted());
  socket.batchOrThrow(entries.map(delNeighbour));
});

test("a socket whose answer was lost in the middle of a dump works again with the next request", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = createLink(socket, { kind: "bridge", name: "br0" }).ifindex;
  socket.batchOrThrow(addresses(2000).map((address) => newNeighbour({ ifindex, address, mac: "02:00:00:00:00:01" })));
  const real = syscalls();
  let reads = 0;
  setSyscalls({ ...real, recv: (...args) => ((reads += 1) === 2 ? -5 : real.recv(...args)) });
  try {
    expect(() => listNeighbours(socket, { ifindex })).toThrow(/EIO/);
  } finally {
    setSyscalls(real);
  }
  expect(listNeighbours(socket, { ifindex })).toHaveLength(2000);
});
