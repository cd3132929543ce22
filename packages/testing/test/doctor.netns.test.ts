import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import type { AnyDriver, Ip, Mac, Resource } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { expect, test } from "vitest";
import type { Netkit, Preview } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

const inode = (path: string): bigint => statSync(path, { bigint: true }).ino;
const bridgeOf = (): string => host.sh("ip -o link show type bridge | cut -d: -f2").trim();

function answers(): boolean {
  return host.succeeds(
    "for i in 1 2 3 4 5 6 7 8 9; do curl -sf -m 1 -o /dev/null http://127.0.0.1:8080/ && exit 0; sleep 0.1; done; exit 1",
  );
}

test("everything destroyed by hand is named by doctor and mended, and running sandboxes work again", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: ["8080:80"] }] });
  const serve = 'require("node:http").createServer((_, response) => response.end("ok")).listen(80)';
  const server = await web.run([process.execPath, "-e", serve], { stdio: "ignore" });
  try {
    expect(answers()).toBe(true);
    expect((await netkit.doctor()).findings).toEqual([]);
    host.sh(`nft flush ruleset; ip link del ${bridgeOf()}`);
    const { findings } = await netkit.doctor();
    const kinds = new Set(findings.map(({ resource }) => resource?.kind));
    for (const kind of ["bridge", "address", "isolation", "masquerade", "publish", "veth"])
      expect(kinds).toContain(kind);
    expect(answers()).toBe(false);
    const { repaired } = await netkit.doctor({ repair: true });
    expect(repaired).toHaveLength(findings.length);
    expect((await netkit.doctor()).findings).toEqual([]);
    expect(answers()).toBe(true);
  } finally {
    server.kill("SIGKILL");
    await server.exited;
  }
});

test("an attach makes a bridge anew that was deleted by hand, and says so; nobody else's link", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  await netkit.networks.create({ name: "other" });
  const web = await netkit.sandboxes.open({ name: "web", networks: ["n"] });
  await netkit.sandboxes.open({ name: "apart", networks: ["other"] });
  const bridges = bridgeOf().split(/\s+/);
  for (const name of bridges) host.sh(`ip link del ${name}`);
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  await expect(netkit.sandboxes.open({ networks: ["n"] }, { dryRun: true })).resolves.toBeDefined();
  expect(bridgeOf()).toBe("");
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] }, { onWarning });
  expect(warnings).toEqual([expect.stringMatching(/^link 'nkb\S+' of network 'n' was gone: it has been made anew$/)]);
  for (const { address } of (await web.inspect()).endpoints[0]?.addresses ?? [])
    await output(box, `ping -c 1 -W 2 ${address.split("/")[0]}`);
  const left = (await netkit.doctor()).findings.map(({ message }) => message);
  expect(left.some((message) => message.includes("of network 'other'"))).toBe(true);
  expect(left.filter((message) => /'(n|web@n|box@n)'/.test(message))).toEqual([]);
});

test("what changes while it is mended is mended as well", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  host.sh(`nsenter --net=${box.netns} ip address flush dev eth0`);
  let plans = 0;
  const onPlan = (): void => {
    plans++;
    host.sh(`nsenter --net=${box.netns} ip link del eth0`);
  };
  const { repaired } = await netkit.doctor({ repair: true, onPlan });
  expect(plans).toBe(1);
  expect(repaired.map(({ resource }) => resource?.kind)).toContain("veth");
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("a changed MTU, address or route is drift, with the field that differs", async () => {
  await netkit.networks.create({ name: "n", options: { mtu: 1500 } });
  await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  const bridge = bridgeOf();
  host.sh(`ip link set ${bridge} mtu 1400`);
  const { findings } = await netkit.doctor();
  expect(findings).toContainEqual(expect.objectContaining({ problem: "different", object: `bridge ${bridge}` }));
  expect(findings.find(({ object }) => object === `bridge ${bridge}`)?.differences?.[0]).toMatchObject({
    field: "mtu",
    found: 1400,
  });
  await netkit.doctor({ repair: true });
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("a bridge keeps its MTU when ports come and go, made by netkit or by what it prints", async () => {
  const settings = { name: "n", subnets: [{ subnet: "10.9.0.0/24" }], options: { mtu: 1400, name: "mtu0" } };
  const made = async (): Promise<void> => {
    host.sh("ip link add port0 mtu 9000 master mtu0 type veth peer name port1 && ip link del port0");
    await expect.poll(() => host.sh("cat /sys/class/net/mtu0/mtu")).toBe("1400");
  };
  const script: string[] = [];
  await netkit.networks.create(settings, { dryRun: true, onPlan: (plan) => script.push(...plan.toShell()) });
  const bridge = script.filter((line) => line.startsWith("ip link")).join("\n");
  expect(bridge).toContain("\nip link set dev mtu0 mtu 1400\n");
  host.sh(bridge);
  await made();
  host.sh("ip link del mtu0");

  await netkit.networks.create(settings);
  await made();
  await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  await netkit.sandboxes.remove("box");
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("what carries netkit's mark without being stored is a stray; gc removes it and nothing else", async () => {
  await netkit.networks.create({ name: "n" });
  const { mark } = netkit.instance;
  host.sh(
    `ip link add stray0 type bridge && ip link set stray0 alias ${mark}/network/old && ip link add theirs0 type bridge`,
  );
  expect((await netkit.doctor()).findings.map(({ problem, object }) => `${problem} ${object}`)).toEqual([
    "stray bridge stray0",
  ]);
  expect((await netkit.gc({ dryRun: true })).map(({ object }) => object)).toEqual(["bridge stray0"]);
  expect(host.succeeds("ip link show stray0")).toBe(true);
  await netkit.gc();
  expect(host.succeeds("ip link show stray0")).toBe(false);
  expect(host.succeeds("ip link show theirs0")).toBe(true);
  host.sh("ip link del theirs0");
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("a sandbox whose namespace was deleted is found, and repair removes it with all it had", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({ name: "box", networks: [{ network: "n", publish: ["8080:80"] }] });
  host.sh(`ip netns del ${box.netns?.split("/").at(-1)}`);
  expect((await box.inspect()).state).toBe("gone");
  await expect(netkit.sandboxes.open({ networks: ["container:box"] })).rejects.toMatchObject({
    code: "NAMESPACE_NOT_FOUND",
  });
  expect((await netkit.doctor()).findings.map(({ problem }) => problem)).toContain("gone");
  await netkit.doctor({ repair: true });
  expect(await netkit.sandboxes.list()).toEqual([]);
  expect((await netkit.doctor()).findings).toEqual([]);
  await netkit.sandboxes.open({ networks: [{ network: "n", publish: ["8080:80"] }] });
});

test("a sandbox whose namespace lost its name while a process lives in it stays, and repair brings the name back", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  const child = await box.start(["sleep", "1000"], { stdio: "ignore" });
  const name = box.netns?.split("/").at(-1) ?? "";
  const unname = (): string => host.sh(`ip netns del ${name}`);
  const process = `/proc/${child.pid}/ns/net`;
  unname();
  expect((await box.inspect()).state).toBe("running");
  await expect(netkit.sandboxes.remove("box")).rejects.toMatchObject({ code: "SANDBOX_IN_USE" });
  expect(await netkit.gc()).toEqual([]);
  const { findings } = await netkit.doctor();
  expect(findings.map(({ problem, object }) => `${problem} ${object}`)).toEqual([`missing namespace ${name}`]);

  const previews: Preview[] = [];
  await netkit.doctor({ repair: true, dryRun: true, onPlan: (preview) => previews.push(preview) });
  expect(previews.map(({ plan }) => plan.map(({ op, resource }) => `${op} ${resource.kind}`))).toEqual([
    ["create netns"],
  ]);
  execFileSync("sh", ["-ec", previews.flatMap((preview) => preview.toShell()).join("\n")]);
  expect(inode(`/run/netns/${name}`)).toBe(inode(process));
  expect((await netkit.doctor()).findings).toEqual([]);

  unname();
  expect((await netkit.doctor({ repair: true })).repaired).toHaveLength(1);
  expect(inode(`/run/netns/${name}`)).toBe(inode(process));
  expect((await netkit.doctor()).findings).toEqual([]);

  unname();
  await netkit.sandboxes.remove("box", { force: true });
  expect(await child.exited).toMatchObject({ signal: "SIGTERM" });
});

test("what goes with a sandbox that is gone is no finding, and no plan, of its own", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  host.sh(`ip netns del ${box.netns?.split("/").at(-1)}`);
  expect((await netkit.doctor()).findings.map(({ object }) => object)).toEqual(["sandbox box"]);
  const plans: Preview["plan"][] = [];
  await netkit.doctor({ repair: true, dryRun: true, onPlan: ({ plan }) => plans.push(plan) });
  expect(plans.flat().filter(({ op }) => op !== "remove")).toEqual([]);
});

test("an adopted namespace whose path is gone while a process lives in it is named, and neither mended nor removed", async () => {
  execFileSync("ip", ["netns", "add", "nktest-theirs"]);
  const box = await netkit.sandboxes.open({ name: "box", netns: "/run/netns/nktest-theirs" });
  const child = await box.run(["sleep", "1000"], { stdio: "ignore" });
  execFileSync("ip", ["netns", "del", "nktest-theirs"]);
  const { findings, repaired } = await netkit.doctor({ repair: true });
  expect(findings).toMatchObject([{ problem: "missing", object: "namespace /run/netns/nktest-theirs" }]);
  expect(repaired).toEqual([]);
  expect(await netkit.sandboxes.list()).toHaveLength(1);
  child.kill("SIGKILL");
  await child.exited;
});

test("removing works without the driver that planned it", async () => {
  await netkit.networks.create({ name: "n" });
  await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  const bare = await host.open({ drivers: [] });
  await bare.sandboxes.remove("box");
  await bare.networks.remove("n");
  expect(await netkit.sandboxes.list()).toEqual([]);
  host.expectClean();
});

/** With a network `wire` that is a VXLAN device `acme0` and a forwarding entry of it. */
async function openWire(): Promise<{ opened: Netkit; mac: Mac }> {
  const mac = "02:00:00:00:00:07" as Mac;
  const resources: readonly Resource[] = [
    { kind: "vxlan", ns: "host", name: "acme0", vni: 77, port: 4789, local: "127.0.0.1" as Ip, learning: false },
    { kind: "fdb", ns: "host", link: "acme0", mac, destination: "127.0.0.2" as Ip },
  ];
  const acme: AnyDriver = { ...bridge(), name: "acme", predefined: () => undefined, network: () => resources };
  const opened = await host.open({ drivers: [acme] });
  await opened.networks.create({ name: "wire", driver: "acme" });
  return { opened, mac };
}

test("what a repair itself takes away is there again when it returns: the entries of a link that is made anew", async () => {
  const { opened, mac } = await openWire();
  host.sh("ip link set acme0 down");
  const { repaired } = await opened.doctor({ repair: true });
  expect(repaired.map(({ object }) => object)).toContain("vxlan acme0");
  expect((await opened.doctor()).findings).toEqual([]);
  expect(host.sh("bridge fdb show dev acme0")).toContain(`${mac} dst 127.0.0.2`);
  await opened.networks.remove("wire");
});

test("somebody else's link in the place of netkit's is named, and neither it nor anything on it is changed", async () => {
  const { opened, mac } = await openWire();
  host.sh("ip link delete acme0; ip link add acme0 type vxlan id 78 dstport 4789 local 127.0.0.1");
  const { findings, repaired } = await opened.doctor({ repair: true });
  expect(repaired).toEqual([]);
  expect(findings.map(({ object, repairable, remedy }) => [object, repairable, remedy])).toEqual([
    ["vxlan acme0", false, ["ip link delete dev acme0"]],
    [`fdb acme0 ${mac} self`, false, undefined],
  ]);
  expect(host.sh("bridge fdb show dev acme0")).not.toContain(mac);
  host.sh("ip link delete acme0");
  await opened.doctor({ repair: true });
  host.sh("bridge fdb add 02:00:00:00:00:08 dev acme0 dst 127.0.0.3 self permanent");
  const { repaired: removed } = await opened.doctor({ repair: true });
  expect(removed.map(({ problem, object }) => [problem, object])).toEqual([
    ["stray", "fdb acme0 02:00:00:00:00:08 self"],
  ]);
  expect((await opened.doctor()).findings).toEqual([]);
  await opened.networks.remove("wire");
});
