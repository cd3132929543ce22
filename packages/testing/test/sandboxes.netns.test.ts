import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { storeWith } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import type { Netkit } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

test("opening an instance changes nothing on the host", async () => {
  expect((await netkit.networks.list()).map(({ name }) => name).toSorted()).toEqual(["bridge", "host", "none"]);
  host.expectClean();
});

test("two sandboxes on a network reach each other by address", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const b = await netkit.sandboxes.open({ name: "b", networks: ["n"] });
  const addresses = (await b.inspect()).endpoints.flatMap((endpoint) => endpoint.addresses);
  expect(addresses).toHaveLength(2);
  for (const { address } of addresses) await output(a, `ping -c 1 -W 2 ${address.split("/")[0]}`);
});

test("a sandbox on 'none' has a loopback alone, one on 'host' the host's links, and neither goes with another network", async () => {
  await netkit.networks.create({ name: "n" });
  const alone = await netkit.sandboxes.open({ networks: ["none"] });
  expect(await output(alone, "ls /sys/class/net")).toBe("lo");
  const shared = await netkit.sandboxes.open({ networks: ["host"] });
  const bridge = host.sh("ip -o link show type bridge | cut -d: -f2").trim();
  expect(await output(shared, "ip -o link show")).toContain(bridge);
  const none = /'none' goes with no other one/;
  await expect(alone.connect("n")).rejects.toMatchObject({ code: "UNSUPPORTED", message: expect.stringMatching(none) });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  await expect(box.connect("none")).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringMatching(none),
    hint: "Disconnect it first: netkit network disconnect n box",
  });
  await expect(shared.connect("n")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  for (const [networks, code, message] of [
    [["none", "n"], "UNSUPPORTED", "network 'none' goes with no other one, and 'n' is asked for too"],
    [["n", "host"], "UNSUPPORTED", "network 'host' goes with no other one, and 'n' is asked for too"],
    [["n", "n"], "ARGUMENT_INVALID", "network 'n' is asked for twice"],
  ] as const)
    await expect(netkit.sandboxes.open({ networks })).rejects.toMatchObject({ code, message });
});

test("a joined sandbox shares the namespace, which lives until the last member leaves", async () => {
  await netkit.networks.create({ name: "n" });
  const web = await netkit.sandboxes.open({ name: "web", networks: ["n"] });
  const side = await netkit.sandboxes.open({ name: "side", networks: ["container:web"] });
  const address = (await web.inspect()).endpoints[0]?.addresses[0]?.address ?? "";
  expect(await output(side, "ip -o -4 address show eth0")).toContain(address);
  expect((await side.inspect()).members).toEqual(["web"]);
  expect(await output(side, "hostname; cat /etc/hosts")).toBe(await output(web, "hostname; cat /etc/hosts"));
  await expect(side.connect("n")).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("'web'"),
  });
  await expect(
    netkit.sandboxes.open({ networks: [{ network: "container:web", publish: ["80:80"] }] }),
  ).rejects.toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("'web'") });
  await web.close();
  expect(await output(side, "ip -o -4 address show eth0")).toContain(address);
  const again = await netkit.sandboxes.open({ name: "web", networks: ["n"] });
  expect((await again.inspect()).endpoints[0]?.addresses[0]?.address).not.toBe(address);
});

test("joining itself, a missing one, or with a word that joins nothing is refused", async () => {
  await expect(netkit.sandboxes.open({ name: "x", networks: ["container:x"] })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
  await expect(netkit.sandboxes.open({ networks: ["container:nobody"] })).rejects.toMatchObject({
    code: "SANDBOX_NOT_FOUND",
  });
  await expect(netkit.sandboxes.open({ networks: ["bridge:x"] })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
});

test("an adopted namespace is used, can't be adopted twice, and is left as it was", async () => {
  await netkit.networks.create({ name: "n" });
  execFileSync("ip", ["netns", "add", "nktest-theirs"]);
  try {
    const before = host.sh("ip -n nktest-theirs -o address show; ip -n nktest-theirs route show table all");
    const adopted = await netkit.sandboxes.open({ name: "theirs", netns: "/run/netns/nktest-theirs", networks: ["n"] });
    expect(host.sh("ip -n nktest-theirs -o -4 address show eth0")).toContain("172.");
    await expect(netkit.sandboxes.open({ netns: "/run/netns/nktest-theirs" })).rejects.toMatchObject({
      code: "NAMESPACE_ADOPTED",
      message: expect.stringContaining("'theirs'"),
    });
    await adopted.close();
    expect(host.sh("ip -n nktest-theirs -o address show; ip -n nktest-theirs route show table all")).toBe(before);
  } finally {
    execFileSync("ip", ["netns", "del", "nktest-theirs"]);
  }
});

test("the default route passes to another network when its endpoint goes, and both can come and go live", async () => {
  await netkit.networks.create({ name: "one" });
  await netkit.networks.create({ name: "two" });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["one", "two"] });
  expect(await output(box, "ip route show default")).toContain("dev eth0");
  await box.disconnect("one");
  expect(await output(box, "ip route show default")).toContain("dev eth1");
  expect(await output(box, "ls /sys/class/net | tr '\\n' ' '")).toBe("eth1 lo");
  await box.connect("one", { ifName: "uplink0" });
  expect(await output(box, "ls /sys/class/net | tr '\\n' ' '")).toBe("eth1 lo uplink0");
});

test("a sandbox has its own hostname, hosts and resolv.conf; hosts follows its addresses", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({
    name: "box",
    hostname: "inside",
    dns: { servers: ["192.0.2.53"], search: ["example.test"] },
    hosts: [{ address: "192.0.2.9", name: "db" }],
  });
  expect(await output(box, "hostname; cat /etc/resolv.conf")).toMatch(
    /^inside\n# Made by netkit.*\nnameserver 192\.0\.2\.53\nsearch example\.test$/,
  );
  expect(await output(box, "cat /etc/hosts")).toContain("192.0.2.9\tdb");
  const { addresses } = await box.connect("n");
  const ip = addresses[0]?.address.split("/")[0] ?? "";
  expect(await output(box, "cat /etc/hosts")).toContain(`${ip}\tinside`);
  await box.disconnect("n");
  expect(await output(box, "cat /etc/hosts")).not.toContain(ip);
});

test("a sandbox with a live process is removed by force only", async () => {
  const box = await netkit.sandboxes.open({ name: "busy" });
  const child = await box.start(["sleep", "1000"], { stdio: "ignore" });
  expect((await box.inspect()).state).toBe("running");
  await expect(netkit.sandboxes.remove("busy")).rejects.toMatchObject({ code: "SANDBOX_IN_USE" });
  await netkit.sandboxes.remove("busy", { force: true });
  expect(await child.exited).toMatchObject({ signal: "SIGTERM" });
});

test("of several that are removed at once, each one's live processes are in the way, or end by force", async () => {
  const [idle, ...busy] = await Promise.all(
    ["idle", "busy", "busier"].map(async (name) => await netkit.sandboxes.open({ name })),
  );
  const names = ["idle", "busy", "busier"];
  const children = await Promise.all(busy.map(async (box) => await box.run(["sleep", "1000"], { stdio: "ignore" })));
  await expect(netkit.sandboxes.removeAll(names)).rejects.toMatchObject({
    code: "SANDBOX_IN_USE",
    // Beside it there may be those that start it.
    details: { sandbox: "busy", pids: expect.arrayContaining([children[0]?.pid]) as unknown },
  });
  expect((await idle?.inspect())?.state).toBe("idle");
  await netkit.sandboxes.removeAll(names, { force: true });
  for (const child of children) expect(await child.exited).toMatchObject({ signal: "SIGTERM" });
  expect(await netkit.sandboxes.list()).toEqual([]);
});

test("an ended sandbox that was to go with its process goes with the next opening", async () => {
  const box = await netkit.sandboxes.open({ name: "brief", autoRemove: true });
  await (
    await box.start(["true"], { stdio: "ignore" })
  ).exited;
  const next = await host.open();
  expect(await next.sandboxes.list()).toEqual([]);
});

test("openings at the same time that find an ended sandbox remove it once", async () => {
  const box = await netkit.sandboxes.open({ name: "brief", autoRemove: true });
  await (
    await box.start(["true"], { stdio: "ignore" })
  ).exited;
  const openings = Array.from({ length: 4 }, async () => await (await host.open()).sandboxes.list());
  expect(await Promise.all(openings)).toEqual([[], [], [], []]);
});

test("what another process makes while it is read is listed; what it removes isn't, nor found by its name", async () => {
  const store = openSqliteStore({ path: join(host.root, "state.db") });
  /** Just before a document of this kind is read. */
  let meanwhile: { kind: string; work: () => Promise<unknown> } | undefined;
  const disturb = async (key = ""): Promise<void> => {
    const now = meanwhile;
    if (now === undefined || !key.startsWith(now.kind)) return;
    meanwhile = undefined;
    await now.work();
  };
  const slow = storeWith(store, {
    get: async (key) => await disturb(key).then(async () => await store.get(key)),
    getAll: async (keys) => await disturb(keys[0]).then(async () => await store.getAll(keys)),
    range: async (prefix, options) => await disturb(prefix).then(async () => await store.range(prefix, options)),
  });
  const other = await host.open({ store: slow });
  await netkit.networks.create({ name: "n" });
  const removing = (name: string): typeof meanwhile => ({
    kind: "namespace/",
    work: async () => await netkit.sandboxes.remove(name),
  });
  for (const name of ["one", "two", "three", "four", "five"]) await netkit.sandboxes.open({ name, networks: ["n"] });
  meanwhile = removing("one");
  expect((await other.sandboxes.list()).map(({ name }) => name)).toEqual(["two", "three", "four", "five"]);
  meanwhile = { kind: "sandbox/", work: async () => await netkit.sandboxes.open({ name: "six", networks: ["n"] }) };
  expect((await other.sandboxes.list()).map(({ name }) => name)).toEqual(["two", "three", "four", "five", "six"]);
  await netkit.sandboxes.remove("six");
  meanwhile = removing("two");
  await expect(other.sandboxes.get("two")).rejects.toMatchObject({ code: "SANDBOX_NOT_FOUND" });
  const three = await other.sandboxes.get("three");
  meanwhile = removing("three");
  await expect(three.inspect()).rejects.toMatchObject({ code: "SANDBOX_NOT_FOUND" });
  const four = await other.sandboxes.get("four");
  meanwhile = removing("four");
  await four.close();
  meanwhile = { kind: "endpoint/", work: async () => await netkit.sandboxes.remove("five") };
  expect((await other.networks.inspect("n")).endpoints).toEqual([]);
});
