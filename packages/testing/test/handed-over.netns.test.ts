import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { parseCidr } from "@netkit/core";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { expect, test, vi } from "vitest";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

/** A namespace that another engine makes once the sandbox has been told of. */
class Theirs implements Disposable {
  readonly name: string = `nktest-${randomBytes(3).toString("hex")}`;
  readonly path: string = `/run/netns/${this.name}`;

  make(): this {
    execFileSync("ip", ["netns", "add", this.name]);
    return this;
  }

  /** What such an engine does with an interface that it was handed. */
  take(link: string, name: string, ...addresses: string[]): void {
    host.sh(`ip link set ${link} netns ${this.name} name ${name}`);
    for (const address of addresses) host.sh(`ip -n ${this.name} address add ${address} dev ${name} nodad`);
    host.sh(`ip -n ${this.name} link set ${name} up`);
  }

  [Symbol.dispose](): void {
    try {
      execFileSync("ip", ["netns", "del", this.name], { stdio: "ignore" });
    } catch {
      rmSync(this.path, { force: true });
    }
  }
}

const id = (): string => randomBytes(32).toString("hex");
const problems = async (): Promise<string[]> => (await netkit.doctor()).findings.map(({ message }) => message);

async function openAwaited(theirs: Theirs, network = "n"): Promise<SandboxHandle> {
  const networks = [{ network, handedOver: true, publish: ["8080:80"] }];
  return await netkit.sandboxes.open({ name: "theirs", netns: theirs.path, awaited: true, networks });
}

/** The interface as it is called until it is taken. */
async function linkOf(sandbox: SandboxHandle): Promise<string> {
  return (await sandbox.inspect()).endpoints[0]?.ifName ?? "";
}

test("an interface that is handed over is taken, renamed and set up by its new owner, and reaches everybody", async () => {
  using theirs = new Theirs();
  await netkit.networks.create({ name: "n", ipv6: true });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  const sandbox = await openAwaited(theirs);
  const [endpoint] = (await sandbox.inspect()).endpoints;
  expect(endpoint).toMatchObject({ handedOver: true, defaultRoute: [], networkName: "n", sandboxName: "theirs" });
  if (endpoint === undefined) throw new Error("there is no endpoint");
  const { ifName, mac, addresses } = endpoint;
  const link = host.sh(`ip -o link show dev ${ifName}`);
  expect(link).toContain(mac);
  expect(link).not.toContain("UP");
  expect((await sandbox.inspect()).state).toBe("idle");
  expect(await problems()).toEqual([]);

  theirs.make().take(ifName, "eth7", ...addresses.map(({ address }) => address));
  expect(await problems()).toEqual([]);
  for (const { address } of addresses) await output(box, `ping -c 1 -W 2 ${address.split("/")[0]}`);
  host.sh(`ip -n ${theirs.name} link set eth7 mtu 1300 address 02:00:00:00:00:07`);
  expect(await problems()).toEqual([]);
  expect(host.sh("nft list ruleset")).toContain("8080");
  await expect(netkit.sandboxes.remove("theirs")).rejects.toMatchObject({
    code: "SANDBOX_IN_USE",
    hint: expect.stringMatching(/docker rm -f theirs.*netkit sandbox rm -f theirs/),
  });
  await netkit.sandboxes.remove("theirs", { force: true });
  expect(host.sh(`ip -n ${theirs.name} -o link show`)).not.toContain("eth7");
  await box.close();
});

test("in another engine's namespace an interface is made with all but the default route", async () => {
  using theirs = new Theirs();
  await netkit.networks.create({
    name: "n",
    ipv6: true,
    subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }],
  });
  await netkit.networks.create({
    name: "m",
    routes: [{ destination: "10.99.0.0/16", gateway: "10.10.0.9" }],
    subnets: [{ subnet: "10.10.0.0/24" }],
  });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  theirs.make();
  host.sh(`ip -n ${theirs.name} link add net0 type veth peer name other`);
  host.sh(`ip -n ${theirs.name} link set lo up`);
  host.sh(`ip netns exec ${theirs.name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1`);
  const request = { leavesDefaultRoute: true, ifPrefix: "net" };
  await netkit.networks.lend("n", { subnet: parseCidr("10.9.0.0/24"), ip: "10.9.0.7" });
  const networks = [{ network: "n", ip: "10.9.0.7", publish: ["8080:80"], ...request }];
  const sandbox = await netkit.sandboxes.open({ name: "theirs", netns: theirs.path, awaited: true, networks });
  const [endpoint] = (await sandbox.inspect()).endpoints;
  expect(endpoint).toMatchObject({ ifName: "net1", defaultRoute: [], leavesDefaultRoute: true });
  const address6 = endpoint?.addresses.map(({ address }) => address.split("/")[0] ?? "").at(-1) ?? "";
  for (const address of ["10.9.0.7", address6]) await output(box, `ping -c 1 -W 2 ${address}`);
  host.sh(`ip netns exec ${theirs.name} ping -c 1 -W 2 ::1`);
  const routes = (): string => host.sh(`ip -n ${theirs.name} route; ip -n ${theirs.name} -6 route`);
  expect(routes()).not.toContain("default");
  // Its engine gives it the way out, or somebody else's interface.
  host.sh(`ip -n ${theirs.name} route add default via 10.9.0.1`);
  await sandbox.connect({ network: "m", ...request });
  expect(routes()).toMatch(/^default via 10\.9\.0\.1 dev net1[^]*^10\.99\.0\.0\/16 via 10\.10\.0\.9 dev net2/m);
  await sandbox.rename({ name: "web" });
  expect(await problems()).toEqual([]);
  await sandbox.disconnect("m");
  expect(routes()).not.toContain("net2");
  await expect(netkit.sandboxes.remove("web")).rejects.toMatchObject({ code: "SANDBOX_IN_USE" });
  execFileSync("ip", ["netns", "del", theirs.name]);
  await netkit.sandboxes.remove("web");
  await box.close();
});

test("what was handed over and is gone is told of, and not made again where nobody would find it", async () => {
  using theirs = new Theirs();
  await netkit.networks.create({ name: "n" });
  const sandbox = await openAwaited(theirs.make());
  const ifName = await linkOf(sandbox);
  theirs.take(ifName, "eth0");
  host.sh(`ip -n ${theirs.name} link delete eth0`);
  const { findings, repaired } = await netkit.doctor({ repair: true });
  expect(repaired).toEqual([]);
  expect(findings).toMatchObject([
    { problem: "missing", repairable: false, hint: expect.stringContaining("docker network disconnect") },
  ]);
  await sandbox.close();
});

test("a namespace that never came, or went, is over: gc removes what was for it", async () => {
  using never = new Theirs();
  await netkit.networks.create({ name: "n" });
  await openAwaited(never);
  expect(await netkit.gc()).toEqual([]);
  const now = Date.now();
  vi.useFakeTimers({ now: now + 61_000, toFake: ["Date"] });
  try {
    expect(await netkit.gc()).toMatchObject([{ problem: "gone", object: "sandbox theirs" }]);
  } finally {
    vi.useRealTimers();
  }
  using went = new Theirs();
  const sandbox = await openAwaited(went.make());
  const ifName = await linkOf(sandbox);
  went.take(ifName, "eth0");
  execFileSync("ip", ["netns", "del", went.name]);
  // The kernel ends a namespace, and what is in it, in its own time.
  host.sh("timeout 10 sh -c 'while ip -o link show type veth | grep -q .; do sleep 0.05; done'");
  vi.useFakeTimers({ now: now + 61_000, toFake: ["Date"] });
  try {
    expect(await netkit.gc()).toMatchObject([{ problem: "gone" }]);
  } finally {
    vi.useRealTimers();
  }
  expect(await netkit.sandboxes.list()).toEqual([]);
});

test("a namespace that is elsewhere than was said is none that has gone, as long as the interface is there", async () => {
  using never = new Theirs();
  using other = new Theirs();
  await netkit.networks.create({ name: "n" });
  other.make().take(await linkOf(await openAwaited(never)), "eth0");
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
  try {
    expect(await netkit.gc()).toEqual([]);
    host.sh(`ip -n ${other.name} link delete eth0`);
    expect(await netkit.gc()).toMatchObject([{ problem: "gone", object: "sandbox theirs" }]);
  } finally {
    vi.useRealTimers();
  }
});

test("a namespace that came where it was said to come is there as long as it is, whatever interface it has", async () => {
  using theirs = new Theirs();
  host.sh("ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set up1 up");
  await netkit.networks.create({ name: "wire", driver: "macvlan", options: { parent: "up0" } });
  const networks = [{ network: "wire", handedOver: true }];
  const sandbox = await netkit.sandboxes.open({ name: "theirs", netns: theirs.path, awaited: true, networks });
  theirs.make().take(await linkOf(sandbox), "eth0");
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
  try {
    expect(await netkit.gc()).toEqual([]);
    expect(await problems()).toEqual([]);
    expect((await sandbox.inspect()).state).toBe("idle");
  } finally {
    vi.useRealTimers();
  }
  await sandbox.close();
  execFileSync("ip", ["-n", theirs.name, "link", "delete", "eth0"]);
  host.sh("ip link delete up0");
});

test("an address that is kept is nobody else's, is taken over, and is free again a minute later", async () => {
  using theirs = new Theirs();
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/29" }] });
  const subnet = (await netkit.networks.get("n")).subnets[0]?.subnet ?? ("" as never);
  const keep = async (ip?: string): Promise<string | undefined> =>
    (await netkit.networks.lend("n", { subnet, ...(ip === undefined ? {} : { ip }) })).addresses[0]?.address;
  expect(await keep()).toBe("10.9.0.2/29");
  expect(await keep("10.9.0.4")).toBe("10.9.0.4/29");
  for (const attempt of [keep("10.9.0.4"), netkit.sandboxes.open({ networks: [{ network: "n", ip: "10.9.0.4" }] })])
    await expect(attempt).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
  await netkit.sandboxes.open({
    name: "theirs",
    netns: theirs.path,
    awaited: true,
    networks: [{ network: "n", ip: "10.9.0.4", handedOver: true }],
  });
  // It is the endpoint's by now, and not to be given back from under it.
  expect(await netkit.networks.takeBack("n", "10.9.0.4")).toBeUndefined();
  await expect(keep("10.9.0.4")).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
  // It may still come.
  await expect(netkit.sandboxes.remove("theirs")).rejects.toMatchObject({ code: "SANDBOX_IN_USE" });
  await netkit.sandboxes.remove("theirs", { force: true });
  expect(await keep("10.9.0.4")).toBe("10.9.0.4/29");
  await netkit.networks.takeBack("n", "10.9.0.4");
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
  try {
    expect(await problems()).toEqual(["address 10.9.0.2 of network n is kept for an engine that has not come for it"]);
    expect(await netkit.gc()).toHaveLength(1);
    expect(await problems()).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
  expect(await keep("10.9.0.2")).toBe("10.9.0.2/29");
  expect((await netkit.networks.inspect("n")).loans).toEqual([]);
  // Nobody has it: the network goes, and it with it.
  expect(await netkit.networks.prune()).toMatchObject([{ name: "n" }]);
});

test("networks and endpoints have the ids that they are given, and no two the same", async () => {
  using theirs = new Theirs();
  const [network, endpoint] = [id(), id()];
  expect(await netkit.networks.create({ name: "n", id: network })).toMatchObject({ id: network });
  await expect(netkit.networks.create({ name: "m", id: network })).rejects.toMatchObject({ code: "NAME_TAKEN" });
  await expect(netkit.networks.create({ name: "m", id: "x" })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  const networks = [{ network, id: endpoint, handedOver: true }];
  const sandbox = await netkit.sandboxes.open({ netns: theirs.path, awaited: true, networks });
  expect((await sandbox.inspect()).endpoints).toMatchObject([{ id: endpoint, network }]);
  const box = await netkit.sandboxes.open({});
  await expect(box.connect({ network, id: endpoint })).rejects.toMatchObject({ code: "NAME_TAKEN" });
});

test("a sandbox whose interfaces are handed over can be called otherwise, and no two the same", async () => {
  using theirs = new Theirs();
  const { id: network } = await netkit.networks.create({ name: "n" });
  const sandbox = await openAwaited(theirs);
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  await expect(sandbox.rename({ name: "box" })).rejects.toMatchObject({ code: "NAME_TAKEN" });
  await expect(box.rename({ name: "other" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await sandbox.rename({ name: "web", hostname: "www", aliases: { [network]: ["w", "x"] } });
  expect(await (await netkit.sandboxes.get("web")).inspect()).toMatchObject({
    id: sandbox.id,
    hostname: "www",
    endpoints: [{ aliases: ["w", "x"], sandboxName: "web" }],
  });
  await expect(netkit.sandboxes.get("theirs")).rejects.toMatchObject({ code: "SANDBOX_NOT_FOUND" });
  await sandbox.rename({ aliases: { [network]: [] } });
  expect(await (await netkit.sandboxes.get("web")).inspect()).toMatchObject({ endpoints: [{ aliases: [] }] });
  expect(await problems()).toEqual([]);
});

test("a free subnet is none of those that are held, nor a network's", async () => {
  const { subnets } = await netkit.networks.create({ name: "n" });
  const one = await netkit.networks.freeSubnet("ipv4");
  const two = await netkit.networks.freeSubnet("ipv4", [one]);
  expect(new Set([subnets[0]?.subnet, one, two]).size).toBe(3);
  const six = await netkit.networks.freeSubnet("ipv6");
  expect(six).toMatch(/^fd.*\/64$/);
});

test("what is inside is refused for an interface that is handed over, and a namespace that isn't awaited has to be there", async () => {
  using theirs = new Theirs();
  await netkit.networks.create({ name: "n" });
  const open = async (more: object, awaited = true): Promise<SandboxHandle> =>
    await netkit.sandboxes.open({
      netns: theirs.path,
      awaited,
      networks: [{ network: "n", handedOver: true, ...more }],
    });
  await expect(open({ ifName: "eth5" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await expect(open({ linkLocal: ["169.254.7.7"] })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await expect(open({}, false)).rejects.toMatchObject({ code: "NAMESPACE_NOT_FOUND" });
  await expect(open({ network: "none" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("a macvlan is handed over from the host's namespace, and gone once it is back there", async () => {
  using theirs = new Theirs();
  host.sh("ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set up1 up");
  await netkit.networks.create({ name: "wire", driver: "macvlan", options: { parent: "up0" } });
  const networks = [{ network: "wire", handedOver: true }];
  const sandbox = await netkit.sandboxes.open({ netns: theirs.path, awaited: true, networks });
  const ifName = await linkOf(sandbox);
  theirs.make().take(ifName, "eth0");
  expect(await problems()).toEqual([]);
  expect(host.sh(`ip -n ${theirs.name} -o -d link show dev eth0`)).toContain("macvlan");
  host.sh(`ip -n ${theirs.name} link set eth0 down netns ${host.name} name ${ifName}`);
  await sandbox.close();
  expect(host.succeeds(`ip link show dev ${ifName}`)).toBe(false);
  await netkit.networks.remove("wire");
  host.sh("ip link delete up0");
});
