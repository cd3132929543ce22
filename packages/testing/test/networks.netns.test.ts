import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { AnyDriver, Resource } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import type { Netkit } from "@netkit/engine";
import { onHosts, TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

test("a network is selected by id, name or unique prefix, an id before a name", async () => {
  const first = await netkit.networks.create({ name: "first" });
  await netkit.networks.create({ name: first.id.slice(0, 12) });
  expect((await netkit.networks.get(first.id)).name).toBe("first");
  expect((await netkit.networks.get(first.id.slice(0, 20))).name).toBe("first");
  await expect(netkit.networks.get("frist")).rejects.toMatchObject({
    code: "NETWORK_NOT_FOUND",
    hint: "Did you mean 'first'?",
  });
});

test("names are unique, predefined ones can be neither made nor removed", async () => {
  await netkit.networks.create({ name: "n" });
  await expect(netkit.networks.create({ name: "n" })).rejects.toMatchObject({ code: "NAME_TAKEN" });
  for (const name of ["bridge", "host", "none"]) {
    await expect(netkit.networks.create({ name })).rejects.toMatchObject({ code: "NETWORK_PREDEFINED" });
    await expect(netkit.networks.remove(name)).rejects.toMatchObject({ code: "NETWORK_PREDEFINED" });
  }
});

test.each(["a b", "a/b", "a\nb", "-a", ".a", "a;b", "$(reboot)", "a}b", 'a"b', "", "a".repeat(300), "ä"])(
  "the name %j is refused and nothing changes",
  async (name) => {
    await expect(netkit.networks.create({ name })).rejects.toMatchObject({ code: "NAME_INVALID" });
    await expect(netkit.sandboxes.open({ name })).rejects.toMatchObject({ code: "NAME_INVALID" });
  },
);

test("every problem of the subnets is reported at once", async () => {
  const request = { subnet: "10.9.0.1/16", gateway: "10.10.0.1", range: "10.11.0.0/24" };
  await expect(
    netkit.networks.create({
      name: "n",
      subnets: [request, { subnet: "0.0.0.0/0" }, { subnet: "10.8.0.0/32" }],
    }),
  ).rejects.toMatchObject({
    code: "SUBNET_INVALID",
    message: expect.stringMatching(/10\.9\.0\.0\/16.*0\.0\.0\.0\/0.*10\.8\.0\.0\/32/s),
  });
});

test("overlaps with a network or a route of the host are refused by name; a default route overlaps nothing", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/16" }] });
  await expect(netkit.networks.create({ name: "m", subnets: [{ subnet: "10.9.1.0/24" }] })).rejects.toMatchObject({
    code: "SUBNET_OVERLAP",
    message: expect.stringContaining("network 'n'"),
  });
  host.sh(
    "ip link add tun0 type bridge && ip address add 10.20.0.1/24 dev tun0 && ip link set tun0 up && ip route add default via 10.20.0.2",
  );
  try {
    await expect(netkit.networks.create({ name: "m", subnets: [{ subnet: "10.20.0.128/25" }] })).rejects.toMatchObject({
      code: "SUBNET_OVERLAP",
      message: expect.stringMatching(/10\.20\.0\.0\/24.*tun0/),
    });
    await netkit.networks.create({ name: "m", subnets: [{ subnet: "10.21.0.0/24" }] });
  } finally {
    host.sh("ip link del tun0");
  }
});

test("static addresses: taken, reserved, outside", async () => {
  await netkit.networks.create({
    name: "n",
    subnets: [{ subnet: "10.9.0.0/24", auxiliary: { router: "10.9.0.9" } }],
  });
  await netkit.sandboxes.open({ name: "a", networks: [{ network: "n", ip: "10.9.0.5" }] });
  const open = async (ip: string) => await netkit.sandboxes.open({ networks: [{ network: "n", ip }] });
  await expect(open("10.9.0.5")).rejects.toMatchObject({
    code: "ADDRESS_TAKEN",
    message: expect.stringContaining("'a'"),
  });
  await expect(open("10.9.0.1")).rejects.toMatchObject({
    code: "ADDRESS_TAKEN",
    message: expect.stringContaining("gateway"),
  });
  await expect(open("10.9.0.9")).rejects.toMatchObject({
    code: "ADDRESS_TAKEN",
    message: expect.stringContaining("router"),
  });
  await expect(open("10.9.1.5")).rejects.toMatchObject({
    code: "ADDRESS_OUTSIDE",
    message: expect.stringMatching(/^address 10\.9\.1\.5 lies in no subnet of network '/),
  });
  await expect(open("fd00::5")).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
  expect(await netkit.sandboxes.list()).toHaveLength(1);
});

test("a network without addresses: its sandboxes give themselves some, reach each other, and no other network", async () => {
  await netkit.networks.create({ name: "bare", addresses: false, options: { name: "bare0" } });
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  const one = await netkit.sandboxes.open({ networks: ["bare"] });
  const two = await netkit.sandboxes.open({ networks: ["bare"] });
  await netkit.sandboxes.open({ networks: [{ network: "n", ip: "10.9.0.9" }] });
  const [endpoint] = (await one.inspect()).endpoints;
  expect(endpoint).toMatchObject({ addresses: [], defaultRoute: [] });
  expect(await output(one, "ip -o address show eth0; ip route; ip -6 route show dev eth0")).toBe("");
  expect(await output(one, "ip link show eth0")).toMatch(new RegExp(`state UP[^]*${endpoint?.mac}`));
  host.sh("ip address add 10.8.0.1/24 dev bare0");
  await output(one, "ip address add 10.8.0.2/24 dev eth0 && ip route add default via 10.8.0.1");
  await output(two, "ip address add 10.8.0.3/24 dev eth0 && ping -c 1 -W 2 10.8.0.2");
  await output(one, "ping -c 1 -W 2 10.8.0.1 && ! ping -c 1 -W 1 10.9.0.9");
  await expect(one.publish(undefined, ["8080:80"])).rejects.toMatchObject({ code: "UNSUPPORTED" });
  expect((await netkit.doctor()).findings).toEqual([]);
});

test.each([
  [{ addresses: false, ipv6: true }, "ARGUMENT_INVALID"],
  [{ addresses: false, subnets: [{ subnet: "10.9.0.0/24" }] }, "ARGUMENT_INVALID"],
  [{ addresses: false, configOnly: true }, "ARGUMENT_INVALID"],
  [{ ipv4: false }, "ARGUMENT_INVALID"],
])("a network of %j is refused", async (request, code) => {
  await expect(netkit.networks.create({ name: "n", ...request })).rejects.toMatchObject({ code });
  await expect(netkit.networks.get("n")).rejects.toMatchObject({ code: "NETWORK_NOT_FOUND" });
});

test("a network in use is not removed, and says who uses it", async () => {
  await netkit.networks.create({ name: "n" });
  await netkit.sandboxes.open({ name: "user", networks: ["n"] });
  await expect(netkit.networks.remove("n")).rejects.toMatchObject({
    code: "NETWORK_IN_USE",
    message: expect.stringContaining("'user'"),
  });
});

test("unknown drivers, options and subnets of drivers without addresses are refused with the nearest name", async () => {
  await expect(netkit.networks.create({ name: "n", driver: "brigde" })).rejects.toMatchObject({
    code: "DRIVER_UNKNOWN",
    hint: "Did you mean 'bridge'?",
  });
  await expect(netkit.networks.create({ name: "n", options: { mtuu: "1" } })).rejects.toMatchObject({
    code: "OPTION_UNKNOWN",
    hint: "Did you mean 'mtu'?",
  });
  await expect(netkit.networks.create({ name: "n", options: { mtu: "12" } })).rejects.toMatchObject({
    code: "OPTION_INVALID",
  });
  await expect(
    netkit.networks.create({
      name: "n",
      subnets: [{ subnet: "10.50.0.5/24", gateway: "10.51.0.1" }],
      options: { mtu: "20", bogus: "1", name: "much-too-long-a-name" },
    }),
  ).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message:
      `driver 'bridge' has no option "bogus"; option 'mtu': expected a whole number from 68 to 65535 (got "20"); ` +
      `option 'name': invalid interface name "much-too-long-a-name"; 10.50.0.5/24 has host bits set: it should be ` +
      `10.50.0.0/24; gateway 10.51.0.1 lies outside its subnet 10.50.0.0/24`,
    hint: expect.stringMatching(/^Its options are .* An interface name is 1 to 15 .* Write mtu=BYTES\. Correct /),
  });
  await expect(netkit.networks.create({ name: "n", subnets: [{ gateway: "10.50.0.1" }] })).rejects.toMatchObject({
    message: "gateway 10.50.0.1 needs a subnet that it lies in",
    hint: "Give the subnet as well: --subnet CIDR.",
  });
  await expect(netkit.networks.create({ name: "n", driver: "host" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("a dry run shows the plan and changes nothing", async () => {
  let shown: string[] = [];
  const network = await netkit.networks.create(
    { name: "n" },
    { dryRun: true, onPlan: (preview) => (shown = preview.toShell()) },
  );
  expect(network.name).toBe("n");
  expect(shown.join("\n")).toContain("type bridge");
  await expect(netkit.networks.get("n")).rejects.toMatchObject({ code: "NETWORK_NOT_FOUND" });
  host.expectClean();
});

/** Without what changes by itself when ports come and go. */
function settle(text: string): string {
  return text.replaceAll(
    /(state \S+|NO-CARRIER,|,LOWER_UP|timer +\S+|address \S+|link\/ether \S+|designated_\S+ \S+|bridge_id \S+|tso_max_size \S+|linkdown)/g,
    "",
  );
}

test("an existing bridge is adopted, used and left as it was", async () => {
  host.sh("ip link add br7 type bridge && ip address add 10.9.0.1/24 dev br7 && ip link set br7 up");
  const before = host.sh("ip -o address show dev br7; ip -d -o link show br7");
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }], options: { name: "br7" } });
  const box = await netkit.sandboxes.open({ networks: ["n"] });
  const child = await box.run(["ping", "-c", "1", "-W", "2", "10.9.0.1"], { stdio: "ignore" });
  expect((await child.exited).code).toBe(0);
  await box.close();
  await netkit.networks.remove("n");
  expect(settle(host.sh("ip -o address show dev br7; ip -d -o link show br7"))).toBe(settle(before));
  host.sh("ip link del br7");
});

test("an unmanaged bridge is used and gets neither addresses, rules nor settings; the host's end has the name asked for", async () => {
  const options = { name: "br7", unmanaged: "true" };
  const create = async () => await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }], options });
  await expect(create()).rejects.toMatchObject({ code: "LINK_NOT_FOUND" });
  // As somebody's router has it.
  host.sh("ip link add br7 type bridge && ip address add 10.9.0.1/24 dev br7 && ip link set br7 up");
  const show =
    "ip -o -4 address show dev br7; ip -d -o link show br7; nft list ruleset; " +
    "sysctl -a -r '^net.ipv4.ip_forward$|^net.ipv[46].conf.(br7|all|default)[.]' 2>&1";
  const before = host.sh(show);
  await create();
  const named = { network: "n", options: { "host-ifname": "web0" } };
  const box = await netkit.sandboxes.open({ networks: [named] });
  expect(settle(host.sh(show))).toBe(settle(before));
  expect(host.sh("ip -o link show master br7")).toContain("web0@");
  const child = await box.run(["ping", "-c", "1", "-W", "2", "10.9.0.1"], { stdio: "ignore" });
  expect((await child.exited).code).toBe(0);
  expect((await netkit.doctor()).findings).toEqual([]);
  await expect(netkit.sandboxes.open({ networks: [named] })).rejects.toMatchObject({ code: "RESOURCE_CONFLICT" });
  await expect(netkit.sandboxes.open({ networks: [{ network: "n", publish: ["8080:80"] }] })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("unmanaged=true") as unknown,
  });
  await box.close();
  await netkit.networks.remove("n");
  expect(settle(host.sh(show))).toBe(settle(before));
  host.sh("ip link del br7");
});

test("a network that can't have its bridge leaves nothing, and what has the name stays", async () => {
  host.sh("ip link add theirs0 type veth peer name theirs1");
  const before = host.traces();
  const create = async (bridge: string, subnet: string) =>
    await netkit.networks.create({ name: "n", ipv6: true, subnets: [{ subnet }], options: { name: bridge } });
  await expect(create("theirs0", "10.9.0.0/24")).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("theirs0: it is of kind veth"),
  });
  await netkit.networks.create({ name: "other", options: { name: "br9" } });
  await expect(create("br9", "10.10.0.0/24")).rejects.toMatchObject({
    code: "RESOURCE_CONFLICT",
    message: "bridge br9 is in use by network 'other'",
    hint: "Choose another one, or remove that network first: netkit network rm other",
  });
  await netkit.networks.remove("other");
  expect(host.traces()).toBe(before);
  expect((await netkit.networks.list()).map(({ name }) => name)).not.toContain("n");
  host.sh("ip link del theirs0");
});

test("published ports: taken by a sandbox, by a socket, by another root, twice in one request", async () => {
  await netkit.networks.create({ name: "n" });
  const open = async (...publish: string[]) => await netkit.sandboxes.open({ networks: [{ network: "n", publish }] });
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: ["8080:80"] }] });
  await expect(open("8080:81")).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: expect.stringContaining("'web'"),
  });
  await expect(open("127.0.0.1:8080:81")).rejects.toMatchObject({ code: "PORT_TAKEN" });
  await expect(open("9000:80", "9000:81")).rejects.toMatchObject({ code: "PORT_TAKEN" });
  await open("8080:80/udp");
  await expect(open("192.0.2.77:9100:80")).rejects.toMatchObject({
    code: "PORT_INVALID",
    message: "port 9100 can't be published on 192.0.2.77: it is no address of this host",
    hint: expect.stringContaining("127.0.0.1, "),
  });
  expect((await (await open("8080-8082:80")).inspect()).endpoints[0]?.ports[0]?.hostPort.first).toBe(8081);
  const ephemeral = (await (await open("80")).inspect()).endpoints[0]?.ports[0]?.hostPort.first ?? 0;
  expect(ephemeral).toBeGreaterThan(1023);

  const other = new TestHost.Root();
  const second = await host.open({ root: other.path });
  await second.networks.create({ name: "n" });
  await expect(second.sandboxes.open({ networks: [{ network: "n", publish: ["8080:80"] }] })).rejects.toMatchObject({
    code: "PORT_TAKEN",
  });
  await web.close();
  const theirs = await second.sandboxes.open({ networks: [{ network: "n", publish: ["8080:80"] }] });
  await expect(open("8080:80")).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: expect.stringContaining(other.path),
  });
  expect(existsSync(`/run/netkit/roots/${second.instance.mark}`)).toBe(true);
  await theirs.close();
  // It is another process that gives the last port back, and this one that publishes again.
  const register = `/run/netkit/roots/${second.instance.mark}`;
  const third = await host.open({ root: other.path });
  await third.sandboxes.remove(
    (await second.sandboxes.open({ networks: [{ network: "n", publish: ["8083:80"] }] })).id,
  );
  await third.close();
  expect(existsSync(register), "it publishes nothing any more").toBe(false);
  const again = await second.sandboxes.open({ networks: [{ network: "n", publish: ["8083:80"] }] });
  await expect(open("8083:80")).rejects.toMatchObject({ code: "PORT_TAKEN" });
  await second.close();
  const said = readFileSync(register); // it publishes still
  const fourth = await host.open({ root: other.path });
  await fourth.sandboxes.remove(again.id);
  await fourth.networks.remove("n");
  await fourth.close();
  expect(existsSync(register)).toBe(false);
  other[Symbol.dispose]();
  // A root that was deleted is forgotten by whoever finds that.
  writeFileSync(register, said);
  await open("8080:80");
  expect(existsSync(register)).toBe(false);
});

test("ports come and go on a live endpoint", async () => {
  await netkit.networks.create({ name: "n" });
  const box = await netkit.sandboxes.open({ networks: ["n"] });
  const endpoint = await box.publish("n", ["8080:80", "127.0.0.1:53:53/udp"]);
  expect(endpoint.ports).toHaveLength(2);
  expect((await netkit.doctor()).findings).toEqual([]);
  expect((await box.unpublish("n", ["8080:80"])).ports).toHaveLength(1);
  await expect(box.unpublish("n", ["8080:80"])).rejects.toMatchObject({ code: "PORT_NOT_FOUND" });
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("a driver of another version of the contract is refused with both numbers", async () => {
  const driver = { ...(await netkit.driver("bridge")), api: 7, name: "future" };
  const other = new TestHost.Root();
  await expect(host.open({ root: other.path, drivers: [driver] })).rejects.toMatchObject({
    code: "DRIVER_API",
    message: expect.stringMatching(/7.*1/),
  });
  other[Symbol.dispose]();
});

test("an abort before the change leaves nothing behind", async () => {
  await expect(netkit.networks.create({ name: "n" }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "CANCELLED",
  });
});

function acme(endpoint: () => readonly Resource[]): AnyDriver {
  return { ...bridge(), name: "acme", predefined: () => undefined, network: () => [], endpoint };
}

function fails(): never {
  throw new Error("boom");
}

function kindless(): readonly Resource[] {
  return [{ kind: "nonsense", ns: "host" } as never];
}

test("what a driver throws is the driver's bug, and a network whose driver is gone says what it needs", async () => {
  for (const [endpoint, message] of [
    [fails, "driver 'acme' failed: boom"],
    [kindless, "driver 'acme' returned a bad list of resources: there is no kind 'nonsense'"],
  ] as const) {
    const opened = await host.open({ drivers: [acme(endpoint)] });
    await opened.networks.create({ name: "n", driver: "acme" });
    await expect(opened.sandboxes.open({ networks: ["n"] })).rejects.toMatchObject({ code: "DRIVER_INVALID", message });
    await expect(netkit.sandboxes.open({ networks: ["n"] })).rejects.toMatchObject({
      code: "DRIVER_UNKNOWN",
      message: "network 'n' needs driver 'acme', which isn't there",
    });
    await netkit.networks.remove("n");
  }
});

test("a network gets another name, by which it is found, and nothing else of it changes", async () => {
  const { id } = await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.networks.create({ name: "other", subnets: [{ subnet: "10.9.1.0/24" }] });
  await using box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  const links = host.sh("ip -o link show");
  expect(await netkit.networks.rename("n", "m")).toMatchObject({ id, name: "m" });
  await expect(netkit.networks.get("n")).rejects.toMatchObject({ code: "NETWORK_NOT_FOUND" });
  expect(await netkit.networks.inspect("m")).toMatchObject({ id, endpoints: [{ sandboxName: "box" }] });
  expect((await box.inspect()).endpoints).toMatchObject([{ networkName: "m" }]);
  expect(host.sh("ip -o link show")).toBe(links);
  for (const [ref, name, code] of [
    ["m", "other", "NAME_TAKEN"],
    ["m", "bridge", "NETWORK_PREDEFINED"],
    ["bridge", "x", "NETWORK_PREDEFINED"],
    ["m", "no name", "NAME_INVALID"],
    ["nobody", "x", "NETWORK_NOT_FOUND"],
  ] as const)
    await expect(netkit.networks.rename(ref, name), ref).rejects.toMatchObject({ code });
  expect(await netkit.networks.rename("m", "m")).toMatchObject({ id });
  expect((await netkit.doctor()).findings).toEqual([]);
  await box.close();
  for (const name of ["m", "other"]) await netkit.networks.remove(name);
  await netkit.networks.create({ name: "n" });
});
