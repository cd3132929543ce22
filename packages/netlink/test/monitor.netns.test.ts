import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { getLinkIndex, newNeighbour, openMonitor, setSyscalls, syscalls } from "../src/index.ts";
import type { NetlinkEvent } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

/** The changes up to the one that `last` recognises. */
async function collect(
  events: AsyncIterable<NetlinkEvent>,
  last: (event: NetlinkEvent) => boolean,
): Promise<NetlinkEvent[]> {
  const found: NetlinkEvent[] = [];
  for await (const event of events) {
    found.push(event);
    if (last(event)) break;
  }
  return found;
}

test("what ip changes is reported in its order, and nothing of another group", async () => {
  using host = makeNamespace();
  using monitor = openMonitor({ groups: ["link", "address", "route", "neighbour"], namespace: host.path });
  host.ip("link add br0 type bridge");
  host.ip("link set br0 up");
  host.ip("address add 10.1.0.1/24 dev br0");
  host.ip("-6 address add fd00::1/64 dev br0 nodad");
  host.ip("route add 10.9.0.0/16 via 10.1.0.2");
  host.ip("neighbour add 10.1.0.9 lladdr 02:00:00:00:00:09 dev br0");
  host.ip("link del br0");
  const events = await collect(monitor, (event) => event.kind === "link" && event.change === "del");
  const has = (event: object): void => expect(events).toContainEqual(expect.objectContaining(event));
  has({ kind: "link", change: "new", link: expect.objectContaining({ name: "br0", kind: "bridge" }) });
  has({ kind: "address", change: "new", address: expect.objectContaining({ address: "10.1.0.1/24" }) });
  has({ kind: "address", change: "new", address: expect.objectContaining({ address: "fd00::1/64" }) });
  has({ kind: "route", change: "new", route: expect.objectContaining({ destination: "10.9.0.0/16" }) });
  has({ kind: "neighbour", change: "new", neighbour: expect.objectContaining({ address: "10.1.0.9" }) });
  has({ kind: "link", change: "del", link: expect.objectContaining({ name: "br0" }) });

  using links = openMonitor({ groups: ["link"], namespace: host.path });
  host.ip("link add br1 type bridge");
  host.ip("address add 10.1.0.1/24 dev br1");
  host.ip("link del br1");
  const kinds = (await collect(links, (event) => event.kind === "link" && event.change === "del")).map(
    ({ kind }) => kind,
  );
  expect(new Set(kinds)).toEqual(new Set(["link"]));
});

test("aborting ends an iteration that waits", async () => {
  using host = makeNamespace();
  const controller = new AbortController();
  const real = syscalls();
  // Without a receive timeout (SO_RCVTIMEO) nothing else would end the wait.
  setSyscalls({ ...real, setsockopt: (...args) => (args[2] === 20 ? 0 : real.setsockopt(...args)) });
  const monitor = openMonitor({ groups: ["link"], namespace: host.path, signal: controller.signal });
  setSyscalls(real);
  const waiting = collect(monitor, () => false);
  controller.abort();
  expect(await waiting).toEqual([]);
  const aborted = openMonitor({ groups: ["link"], namespace: host.path, signal: AbortSignal.abort() });
  expect(await collect(aborted, () => false)).toEqual([]);
});

test("a queue that runs over is told", async () => {
  using host = makeNamespace();
  using monitor = openMonitor({ groups: ["neighbour"], namespace: host.path });
  host.ip("link add br0 up type bridge");
  using socket = host.open();
  const ifindex = getLinkIndex(socket, "br0");
  for (let block = 0; block < 20; block++) {
    socket.batchOrThrow(
      Array.from({ length: 1000 }, (_, index) =>
        newNeighbour({
          ifindex,
          address: `10.${block}.${index >> 8}.${index & 255}`,
          mac: "02:00:00:00:00:01",
        }),
      ),
    );
  }
  const events = await collect(monitor, ({ kind }) => kind === "lost");
  expect(events.at(-1)).toEqual({ kind: "lost" });
});

test("a process that fails while it watches ends", async () => {
  using host = makeNamespace();
  const script = fileURLToPath(new URL("failing-watcher.ts", import.meta.url));
  const started = performance.now();
  await expect(promisify(execFile)(process.execPath, [script, host.path])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("of the watcher"),
  });
  expect(performance.now() - started).toBeLessThan(5000);
});
