import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

/** The networks that the default routes of both families lead to, as the kernel has them. */
async function ways(sandbox: SandboxHandle): Promise<string> {
  const { endpoints } = await sandbox.inspect();
  const text = await output(sandbox, "ip -4 route show default; echo /; ip -6 route show default");
  return `${text}\n`
    .split("/\n")
    .map((route) => endpoints.find(({ ifName }) => route.includes(` dev ${ifName} `))?.networkName ?? "-")
    .join(" ");
}

test("the default route goes to the network with both families, then by name, each family by itself", async () => {
  for (const [name, families] of Object.entries({
    "z-four": { ipv6: false },
    "y-six": { ipv4: false, ipv6: true },
    "x-dual": { ipv6: true },
    "w-dual": { ipv6: true },
    "a-four": { ipv6: false },
  })) {
    await netkit.networks.create({ name, ...families });
  }
  await netkit.networks.create({ name: "a-internal", internal: true, ipv6: true });
  const box = await netkit.sandboxes.open({ networks: ["z-four"] });
  expect(await ways(box)).toBe("z-four -");
  await box.connect("y-six");
  expect(await ways(box)).toBe("z-four y-six");
  await box.connect("x-dual");
  expect(await ways(box)).toBe("x-dual x-dual");
  await box.connect("w-dual");
  expect(await ways(box)).toBe("w-dual w-dual");
  await box.connect("a-four");
  await box.connect("a-internal");
  expect(await ways(box)).toBe("w-dual w-dual");
  await box.disconnect("x-dual");
  await box.disconnect("w-dual");
  expect(await ways(box)).toBe("a-four y-six");
  await box.disconnect("a-four");
  await box.disconnect("y-six");
  expect(await ways(box)).toBe("z-four -");
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("a gateway priority decides before everything else, at the start, live, and until its network goes", async () => {
  await netkit.networks.create({ name: "a", ipv6: true });
  await netkit.networks.create({ name: "b" });
  await netkit.networks.create({ name: "c" });
  const box = await netkit.sandboxes.open({ networks: ["a", { network: "b", gatewayPriority: 1 }] });
  expect(await ways(box)).toBe("b a");
  const endpoint = await box.connect("c", { gatewayPriority: 2 });
  expect(endpoint).toMatchObject({ gatewayPriority: 2, defaultRoute: ["ipv4"] });
  expect(await ways(box)).toBe("c a");
  expect((await netkit.doctor()).findings).toEqual([]);
  await box.disconnect("c");
  expect(await ways(box)).toBe("b a");
  await box.disconnect("b");
  expect(await ways(box)).toBe("a a");
  await box.connect("b", { gatewayPriority: -1 });
  expect(await ways(box)).toBe("a a");
  await expect(box.connect("c", { gatewayPriority: 1.5 })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
});

test("default routes of several metrics stand beside each other, the lowest counts, and of one metric one is there", async () => {
  for (const [index, name] of ["a", "b", "c"].entries())
    await netkit.networks.create({ name, ipv6: true, subnets: [{ subnet: `10.${index + 1}.0.0/24` }] });
  const box = await netkit.sandboxes.open({
    networks: [
      { network: "a", metric: 200, publish: ["8080:80"] },
      { network: "b", metric: 100 },
      { network: "c", metric: 200, gatewayPriority: 1 },
    ],
  });
  const routes = async (family: number): Promise<string[]> =>
    (await output(box, `ip -${family} route show default`))
      .split("\n")
      .map((line) => line.replace(/default via (\S+) dev (\S+) .*metric (\d+).*/, "$2 $3"));
  for (const family of [4, 6]) expect(await routes(family)).toEqual(["eth1 100", "eth2 200"]);
  expect(await output(box, "ip -o rule")).toContain("from 10.1.0.2 lookup");
  expect((await box.inspect()).endpoints.map(({ defaultRoute, laterRoute }) => [defaultRoute, laterRoute])).toEqual([
    [[], undefined],
    [["ipv4", "ipv6"], undefined],
    [[], ["ipv4", "ipv6"]],
  ]);
  await box.disconnect("c");
  for (const family of [4, 6]) expect(await routes(family)).toEqual(["eth1 100", "eth0 200"]);
  await box.disconnect("b");
  for (const family of [4, 6]) expect(await routes(family)).toEqual(["eth0 200"]);
  expect(await output(box, "ip -o rule")).not.toContain("10.1.0.2");
  await box.connect("b");
  expect((await output(box, "ip route show default")).split("\n").map((line) => line.trim())).toEqual([
    expect.stringMatching(/^default via 10\.2\.0\.1 dev eth1 proto 107$/),
    expect.stringContaining("dev eth0 proto 107 metric 200"),
  ]);
  // The kernel's own is 1024 there.
  expect((await box.inspect()).endpoints).toMatchObject([
    { metric: 200, defaultRoute: ["ipv6"], laterRoute: ["ipv4"] },
    { defaultRoute: ["ipv4"], laterRoute: ["ipv6"] },
  ]);
  expect((await netkit.doctor()).findings).toEqual([]);
  await expect(box.connect("c", { metric: -1 })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
});

test("an internal network gives no default route, and its gateway answers", async () => {
  await netkit.networks.create({ name: "inside", internal: true, subnets: [{ subnet: "10.9.0.0/24" }] });
  const box = await netkit.sandboxes.open({ networks: [{ network: "inside", gatewayPriority: 5 }] });
  expect(await ways(box)).toBe("- -");
  expect(await output(box, "ip route")).not.toContain("default");
  await output(box, "ping -c 1 -W 2 10.9.0.1");
});

test("a default route of somebody else's in an adopted namespace stays, and nothing is put beside it", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  await netkit.networks.create({ name: "m" });
  execFileSync("ip", ["netns", "add", "nktest-routed"]);
  try {
    const inside = (command: string): string => host.sh(`ip netns exec nktest-routed ${command}`);
    inside("ip link add theirs0 type bridge");
    inside("ip address add 10.99.0.2/24 dev theirs0");
    inside("ip link set theirs0 up");
    inside("ip route add default via 10.99.0.1");
    const box = await netkit.sandboxes.open({ netns: "/run/netns/nktest-routed", networks: ["n"] });
    await box.connect("m", { gatewayPriority: 9 });
    expect(inside("ip -4 route show default")).toMatch(/^default via 10\.99\.0\.1 dev theirs0[^\n]*$/);
    expect(inside("ip -6 route show default")).toContain("dev eth0");
    await box.disconnect("m");
    inside("ip route del default");
    await box.connect("m", { gatewayPriority: 9 });
    expect(inside("ip -4 route show default")).toContain("dev eth1");
    await box.close();
  } finally {
    execFileSync("ip", ["netns", "del", "nktest-routed"]);
  }
});

test("a join that fails late leaves no interface, address, line or record", async () => {
  await netkit.networks.create({ name: "n", ipv6: true, subnets: [{ subnet: "10.9.0.0/24" }] });
  const box = await netkit.sandboxes.open({ name: "box" });
  const inside = (command: string): string => host.sh(`ip -n ${box.netns?.split("/").at(-1)} ${command}`);
  inside("link add theirs0 type bridge");
  inside("address add 10.99.0.2/24 dev theirs0");
  inside("link set theirs0 up");
  inside("route add default via 10.99.0.1");
  const left = async (): Promise<string[]> => [
    inside("-o address"),
    inside("route show table all"),
    host.sh("ip -o link | cut -d: -f2; nft list ruleset"),
    await output(box, "cat /etc/hosts"),
  ];
  const before = await left();
  await expect(
    box.connect("n", { publish: ["8080:80"], linkLocal: ["169.254.7.7"], ip: "10.9.0.9" }),
  ).rejects.toMatchObject({ code: "RESOURCE_CONFLICT", message: expect.stringContaining("route 0.0.0.0/0") });
  expect(await left()).toEqual(before);
  expect((await box.inspect()).endpoints).toEqual([]);
  expect((await netkit.networks.inspect("n")).endpoints).toEqual([]);
  inside("route del default");
  await box.connect("n", { publish: ["8080:80"], linkLocal: ["169.254.7.7"], ip: "10.9.0.9" });
});

test.each(["0", "1"])(
  "a port published on a network without the default route answers the outside (rp_filter %s)",
  async (strict) => {
    const outside = `${host.name}-out`;
    execFileSync("ip", ["netns", "add", outside]);
    host.sh(
      `ip link add up0 type veth peer name eth0 netns ${outside}; ip address add 203.0.113.1/24 dev up0; ip link set up0 up`,
    );
    host.sh(`ip -n ${outside} address add 203.0.113.2/24 dev eth0; ip -n ${outside} link set eth0 up`);
    try {
      await netkit.networks.create({ name: "web" });
      await netkit.networks.create({ name: "aside" });
      const box = await netkit.sandboxes.open({ networks: [{ network: "web", publish: ["8080:80"] }] });
      const serve =
        'require("node:http").createServer((_, response) => response.end("ok")).listen(80, () => console.log())';
      const server = await box.run([process.execPath, "-e", serve], { stdio: "pipe" });
      await new Promise((resolve) => server.stdout?.once("data", resolve));
      const get = "curl -sf -m 3 http://203.0.113.1:8080/";
      host.sh(`for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo ${strict} > $f; done`);
      expect(host.sh(`ip netns exec ${outside} ${get}`)).toBe("ok");
      await box.connect("aside");
      host.sh(`for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo ${strict} > $f; done`);
      expect(await ways(box)).toBe("aside -");
      expect(host.sh(`ip netns exec ${outside} ${get}`)).toBe("ok");
      expect(host.sh(get)).toBe("ok");
      expect(host.sh("curl -sf -m 3 http://127.0.0.1:8080/")).toBe("ok");
      const gateway = (await box.inspect()).endpoints.find(({ networkName }) => networkName === "web")?.addresses[0]
        ?.gateway;
      await output(box, `ping -c 1 -W 2 ${gateway}`);
      expect((await netkit.doctor()).findings).toEqual([]);
      await box.disconnect("aside");
      expect(await output(box, "ip rule show | wc -l; ip route show table all | grep -c 'table 2[0-9]*' || true")).toBe(
        "3\n0",
      );
      expect(host.sh(`ip netns exec ${outside} ${get}`)).toBe("ok");
      server.kill("SIGKILL");
      await server.exited;
    } finally {
      host.sh("ip link del up0");
      execFileSync("ip", ["netns", "del", outside]);
    }
  },
);
