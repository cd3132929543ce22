import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cidr } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { serveDocker, type DockerServer } from "@netkit/runtime-docker";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

let folder: string;
let server: DockerServer;
let names: readonly string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netkit-docker-"));
  server = await serveDocker(netkit, { folder });
  ({ names } = server);
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Answered {
  readonly status: number | undefined;
  readonly body: Record<string, unknown>;
}

/** As Docker's client asks: a POST whose body is JSON or nothing. */
async function ask(method: string, body?: unknown, suffix = ""): Promise<Answered> {
  const text = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
  const socketPath = join(folder, `${netkit.instance.mark}${suffix}.sock`);
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path: `/${method}`, method: "POST", agent: false }, (response) => {
      let answer = "";
      response.on("data", (chunk) => (answer += String(chunk)));
      response.on("end", () =>
        resolve({ status: response.statusCode, body: JSON.parse(answer) as Record<string, unknown> }),
      );
    });
    request.on("error", reject);
    request.end(text);
  });
}

/** What is answered to a request that is done. */
async function done(method: string, body?: unknown, suffix?: string): Promise<Record<string, unknown>> {
  const { status, body: answer } = await ask(method, body, suffix);
  expect({ status, Err: answer["Err"], Error: answer["Error"] }, method).toEqual({ status: 200 });
  return answer;
}

/** The words of a refusal, which are there in both fields. */
async function refused(method: string, body?: unknown, suffix?: string): Promise<string> {
  const { status, body: answer } = await ask(method, body, suffix);
  expect(status, method).toBe(200);
  expect(answer["Err"], method).toBe(answer["Error"]);
  return String(answer["Err"]);
}

const id = (): string => randomBytes(32).toString("hex");
const portmap = (...ports: object[]): object => ({ "com.docker.network.portmap": ports });
const web = { Proto: 6, IP: "", Port: 80, HostIP: "", HostPort: 8080, HostPortEnd: 8080 };

/** What Docker asks for `docker network create -d netkit --ipam-driver netkit`. */
async function createNetwork(pools: { pool?: string; range?: string; v6?: boolean }[] = [{}], generic: object = {}) {
  const NetworkID = id();
  const data = await Promise.all(
    pools.map(async ({ pool = "", range = "", v6 = false }) => {
      const request = { AddressSpace: "netkit", Pool: pool, SubPool: range, Options: {}, V6: v6 };
      const { PoolID, Pool } = await done("IpamDriver.RequestPool", request);
      const Options = { RequestAddressType: "com.docker.network.gateway" };
      const { Address } = await done("IpamDriver.RequestAddress", { PoolID, Address: "", Options });
      return { PoolID, v6, AddressSpace: "netkit", Pool, Gateway: Address, AuxAddresses: null };
    }),
  );
  await done("NetworkDriver.CreateNetwork", {
    NetworkID,
    Options: { "com.docker.network.generic": generic },
    IPv4Data: data.filter(({ v6 }) => !v6),
    IPv6Data: data.filter(({ v6 }) => v6),
  });
  return { NetworkID, data };
}

interface Joined {
  readonly InterfaceName: { readonly SrcName: string; readonly DstPrefix: string };
}

/** What Docker asks when a container is connected, up to the namespace, which it does itself. */
async function joinContainer(NetworkID: string, PoolIDs: unknown[], key: string, more: object = {}) {
  const EndpointID = id();
  const addresses = [];
  for (const PoolID of PoolIDs)
    addresses.push((await done("IpamDriver.RequestAddress", { PoolID, Address: "", Options: null }))["Address"]);
  const [Address, AddressIPv6 = ""] = addresses;
  const Interface = { Address, AddressIPv6, MacAddress: "" };
  const created = await done("NetworkDriver.CreateEndpoint", { NetworkID, EndpointID, Interface, Options: more });
  const joined = (await done("NetworkDriver.Join", { NetworkID, EndpointID, SandboxKey: key, Options: {} })) as unknown;
  return { NetworkID, EndpointID, addresses: addresses as string[], created, joined: joined as Joined };
}

async function leave({ NetworkID, EndpointID }: { NetworkID: string; EndpointID: string }): Promise<void> {
  await done("NetworkDriver.RevokeExternalConnectivity", { NetworkID, EndpointID });
  await done("NetworkDriver.Leave", { NetworkID, EndpointID });
  await done("NetworkDriver.DeleteEndpoint", { NetworkID, EndpointID });
}

const noKey = (): string => `/run/docker/netns/${id().slice(0, 12)}`;

test("each driver has a socket that root alone can open, and says what it is", async () => {
  expect(names).toEqual(["", "-overlay", "-macvlan", "-flannel"].map((suffix) => `${netkit.instance.mark}${suffix}`));
  for (const name of names) expect(statSync(join(folder, `${name}.sock`)).mode & 0o777).toBe(0o600);
  expect(await done("Plugin.Activate")).toEqual({ Implements: ["NetworkDriver", "IpamDriver"] });
  expect(await done("Plugin.Activate", undefined, "-macvlan")).toEqual({ Implements: ["NetworkDriver"] });
  for (const [method, answer] of [
    ["NetworkDriver.GetCapabilities", { Scope: "local", ConnectivityScope: "local" }],
    ["IpamDriver.GetCapabilities", { RequiresMACAddress: false, RequiresRequestReplay: false }],
    [
      "IpamDriver.GetDefaultAddressSpaces",
      { LocalDefaultAddressSpace: "netkit", GlobalDefaultAddressSpace: "netkit-global" },
    ],
    ["NetworkDriver.DiscoverNew", {}],
    ["NetworkDriver.DiscoverDelete", {}],
  ] as const)
    expect(await done(method), method).toEqual(answer);
  rmSync(join(folder, `${names[0]}.sock`));
  await server.lookAfter();
  expect(await done("Plugin.Activate")).toHaveProperty("Implements");
  await server.close();
  expect(names.some((name) => existsSync(join(folder, `${name}.sock`)))).toBe(false);
});

test("a container of Docker's, a sandbox and the host reach each other, and nothing is left of it", async () => {
  const { NetworkID, data } = await createNetwork([{}, { v6: true }]);
  expect(await netkit.networks.get(NetworkID)).toMatchObject({
    name: `docker-${NetworkID.slice(0, 12)}`,
    labels: { "com.docker.network.id": NetworkID },
    ipv6: true,
  });
  const box = await netkit.sandboxes.open({ name: "box", networks: [NetworkID] });
  const name = "nktest-container";
  const container = await joinContainer(
    NetworkID,
    data.map(({ PoolID }) => PoolID),
    `/run/netns/${name}`,
  );
  const mac = (container.created["Interface"] as { MacAddress: string }).MacAddress;
  const { SrcName, DstPrefix } = container.joined.InterfaceName;
  expect(container.joined).toMatchObject({
    InterfaceName: { DstPrefix: "eth" },
    Gateway: String(data[0]?.Gateway).split("/")[0],
    GatewayIPv6: String(data[1]?.Gateway).split("/")[0],
    StaticRoutes: [],
    DisableGatewayService: true,
  });
  expect(host.sh(`ip -o link show dev ${SrcName}`)).toContain(mac);
  // What Docker does in the namespace.
  execFileSync("ip", ["netns", "add", name]);
  try {
    host.sh(`ip link set ${SrcName} netns ${name} name ${DstPrefix}0`);
    for (const address of container.addresses) host.sh(`ip -n ${name} address add ${address} dev eth0 nodad`);
    host.sh(`ip -n ${name} link set eth0 up`);
    for (const address of container.addresses) {
      const ip = address.split("/")[0];
      await output(box, `ping -c 1 -W 2 ${ip}`);
      host.sh(`ping -c 1 -W 2 ${ip}`);
    }
    const { NetworkID: network, EndpointID } = container;
    expect(await done("NetworkDriver.EndpointOperInfo", { NetworkID: network, EndpointID })).toEqual({ Value: {} });
    expect((await netkit.doctor()).findings).toEqual([]);
    // A new process knows as much.
    await server.close();
    server = await serveDocker(netkit, { folder });
    await done("NetworkDriver.ProgramExternalConnectivity", { NetworkID, EndpointID, Options: portmap(web) });
    const ports = async () =>
      (await netkit.sandboxes.list()).flatMap(({ endpoints }) => endpoints.flatMap((e) => e.ports));
    expect(await ports()).toMatchObject([
      { protocol: "tcp", hostPort: { first: 8080, last: 8080 }, port: { first: 80 } },
    ]);
    // Once more, with other ones: as they are said last.
    await done("NetworkDriver.ProgramExternalConnectivity", {
      NetworkID,
      EndpointID,
      Options: portmap({ ...web, HostPort: 0, HostPortEnd: 0 }, { ...web, Proto: 17, HostIP: "127.0.0.1" }),
    });
    expect(await ports()).toMatchObject([{ protocol: "tcp" }, { protocol: "udp", hostAddress: "127.0.0.1" }]);
    await leave(container);
  } finally {
    execFileSync("ip", ["netns", "del", name]);
  }
  expect((await netkit.sandboxes.list()).map(({ name: each }) => each)).toEqual(["box"]);
  for (const [index, { PoolID }] of data.entries())
    await done("IpamDriver.ReleaseAddress", { PoolID, Address: container.addresses[index]?.split("/")[0] });
  await box.close();
  for (const { PoolID } of data) await done("IpamDriver.ReleasePool", { PoolID });
  await done("NetworkDriver.DeleteNetwork", { NetworkID });
  expect((await netkit.networks.list()).every(({ predefined }) => predefined)).toBe(true);
});

test("a network that netkit has is joined, with its subnet and gateway, and stays when Docker's goes", async () => {
  await netkit.networks.create({
    name: "mine",
    subnets: [{ subnet: "10.9.0.0/24", gateway: "10.9.0.254", auxiliary: { router: "10.9.0.5" } }],
  });
  const generic = { "netkit.network": "mine" };
  const ipam = { AddressSpace: "netkit", Pool: "10.9.0.0/24", SubPool: "", Options: {}, V6: false };
  const { PoolID, Pool } = await done("IpamDriver.RequestPool", ipam);
  const gateway = { PoolID, Address: "", Options: { RequestAddressType: "com.docker.network.gateway" } };
  expect((await done("IpamDriver.RequestAddress", gateway))["Address"]).toBe("10.9.0.254/24");
  const NetworkID = id();
  const request = (subnet: unknown, options: object, data: object = {}, internal = false): object => ({
    NetworkID,
    Options: { "com.docker.network.generic": options, "com.docker.network.internal": internal },
    IPv4Data: [{ AddressSpace: "netkit", Pool: subnet, Gateway: "10.9.0.254/24", ...data }],
    IPv6Data: [],
  });
  const dockers = { AddressSpace: "LocalDefault" };
  for (const [subnet, data, words] of [
    ["10.9.0.0/16", dockers, "subnet 10.9.0.0/16 overlaps network 'mine'. Have netkit give out"],
    [Pool, dockers, "Docker's IPAM would give out addresses of network 'mine' that others have"],
  ] as const) {
    const refusal = await refused("NetworkDriver.CreateNetwork", request(subnet, generic, data));
    expect(refusal).toContain(words);
    expect(refusal).toContain("--ipam-driver null -o netkit.network=mine OTHER-NAME");
    // Docker knows it, and may be told an address of it.
    const withSubnet = "--ipam-driver netkit --subnet 10.9.0.0/24 -o netkit.network=mine OTHER-NAME";
    expect(refusal.includes(`; for 'docker run --ip': docker network create -d netkit ${withSubnet}`)).toBe(
      subnet === Pool,
    );
  }
  const joins =
    /overlaps network 'mine'. .* Or have it be that network: .* --subnet 10\.9\.0\.0\/24 -o netkit\.network=mine/;
  expect(await refused("NetworkDriver.CreateNetwork", request(Pool, {}))).toMatch(joins);
  const within = await refused("NetworkDriver.CreateNetwork", request("10.9.0.0/25", {}, { Gateway: "10.9.0.1/25" }));
  expect(within).toMatch(/overlaps network 'mine'. (?!.*netkit\.network)/);
  // Whatever was asked for is told, and nothing that is as it is anyway.
  const AuxAddresses = { router: "10.9.0.5", other: "10.9.0.6" };
  expect(
    await refused(
      "NetworkDriver.CreateNetwork",
      request(Pool, generic, { Gateway: "10.9.0.1/24", AuxAddresses }, true),
    ),
  ).toContain("and --internal, --gateway 10.9.0.1, --aux-address other=10.9.0.6 can't be set");
  expect(
    await refused("NetworkDriver.CreateNetwork", request("172.18.0.0/16", { "netkit.network": "bridge" })),
  ).toContain("network 'bridge' has no subnet that a container could be on. Make one that has");
  expect(await refused("NetworkDriver.CreateNetwork", request(Pool, { ...generic, icc: "false" }))).toContain("icc");
  expect(await refused("NetworkDriver.CreateNetwork", request(Pool, generic), "-macvlan")).toContain("driver 'bridge'");
  await done("NetworkDriver.CreateNetwork", request(Pool, generic));
  const container = await joinContainer(NetworkID, [PoolID], noKey());
  expect(container.addresses[0]).toBe("10.9.0.1/24");
  expect((await netkit.networks.inspect("mine")).endpoints).toMatchObject([{ id: container.EndpointID }]);
  await leave(container);
  await done("NetworkDriver.DeleteNetwork", { NetworkID });
  expect((await netkit.networks.get("mine")).name).toBe("mine");
});

/** What Docker asks for `--ipam-driver null`. */
const requestOfNone = (NetworkID: string, generic: object, more: object = {}): object => ({
  NetworkID,
  Options: { "com.docker.network.generic": generic, ...more },
  IPv4Data: [{ AddressSpace: "null", Pool: "0.0.0.0/0", Gateway: "", AuxAddresses: null }],
  IPv6Data: null,
});
const endpointOfNone = (NetworkID: string): object => ({
  NetworkID,
  EndpointID: id(),
  Interface: { Address: "", AddressIPv6: "", MacAddress: "" },
  Options: null,
});

describe("where Docker's IPAM has no part in the addresses", () => {
  test("a network that netkit has is found by Docker's id until Docker's goes, and gives out its addresses", async () => {
    await netkit.networks.create({ name: "mine", subnets: [{ subnet: "10.9.0.0/29" }, { subnet: "fd09::/64" }] });
    const NetworkID = id();
    const generic = { "netkit.network": "mine" };
    const internal = { "com.docker.network.internal": true };
    expect(await refused("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, generic, internal))).toContain(
      "--internal",
    );
    expect(
      await refused("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, { "netkit.network": "bridge" })),
    ).toContain("network 'bridge' has no subnet that a container could be on. Make one that has");
    await done("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, generic));
    expect(await refused("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, generic))).toContain(
      "stands for a network",
    );
    expect(await refused("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, {}))).toContain(
      "stands for a network",
    );
    expect(await netkit.networks.inspect(NetworkID)).toMatchObject({
      name: "mine",
      joins: [{ id: NetworkID, engine: "Docker" }],
    });
    // It isn't Docker's alone: pruning leaves it.
    expect(await netkit.networks.prune()).toEqual([]);
    const { EndpointID, ...asked } = endpointOfNone(NetworkID) as { EndpointID: string };
    const created = await done("NetworkDriver.CreateEndpoint", { EndpointID, ...asked });
    expect(created).toEqual({
      Interface: { Address: "10.9.0.2/29", AddressIPv6: "fd09::2/64", MacAddress: "02:6e:0a:09:00:02" },
    });
    // Nobody else gets it meanwhile.
    const { addresses } = await netkit.networks.lend("mine", { subnet: "10.9.0.0/29" as Cidr });
    expect(addresses).toMatchObject([{ address: "10.9.0.3/29" }]);
    await done("NetworkDriver.Join", { NetworkID, EndpointID, SandboxKey: noKey(), Options: {} });
    expect((await netkit.networks.inspect("mine")).endpoints).toMatchObject([
      { id: EndpointID, addresses: [{ address: "10.9.0.2/29" }, { address: "fd09::2/64" }] },
    ]);
    // One that never joins gives back what was kept for it.
    const never = endpointOfNone(NetworkID);
    const first = await done("NetworkDriver.CreateEndpoint", never);
    await done("NetworkDriver.DeleteEndpoint", never);
    const again = endpointOfNone(NetworkID);
    expect(await done("NetworkDriver.CreateEndpoint", again)).toMatchObject({
      Interface: { Address: expect.stringContaining("10.9.0.") as string },
    });
    await done("NetworkDriver.DeleteEndpoint", again);
    expect(first).toHaveProperty("Interface.AddressIPv6");
    // A full subnet keeps nothing of the other one.
    for (const _ of [4, 5, 6]) await netkit.networks.lend("mine", { subnet: "10.9.0.0/29" as Cidr });
    const { used } = (await netkit.networks.inspect("mine")).usage["fd09::/64" as Cidr] ?? {};
    expect(await refused("NetworkDriver.CreateEndpoint", endpointOfNone(NetworkID))).toContain("10.9.0.0/29");
    expect((await netkit.networks.inspect("mine")).usage["fd09::/64" as Cidr]).toMatchObject({ used });
    await leave({ NetworkID, EndpointID });
    await done("NetworkDriver.DeleteNetwork", { NetworkID });
    expect(await netkit.networks.inspect("mine")).toMatchObject({ name: "mine", joins: [] });
    await expect(netkit.networks.get(NetworkID)).rejects.toMatchObject({ code: "NETWORK_NOT_FOUND" });
  });

  test("a network that netkit has is found by the beginning of any of Docker's ids, and none by that of several", async () => {
    const [mine, others] = [
      await netkit.networks.create({ name: "mine" }),
      await netkit.networks.create({ name: "others" }),
    ];
    const rest = id().slice(8);
    const [first, second, foreign] = [`0123456a${rest}`, `0123456b${rest}`, `012345cc${rest}`];
    for (const [NetworkID, name] of [
      [first, "mine"],
      [second, "mine"],
      [foreign, "others"],
    ] as const)
      await done("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, { "netkit.network": name }));
    for (const [ref, found] of [
      [first.slice(0, 12), mine.id],
      // Both stand for the same one.
      ["0123456", mine.id],
      ["012345c", others.id],
      [mine.id.slice(0, 12), mine.id],
    ] as const)
      expect({ ref, ...(await netkit.networks.get(ref)) }).toMatchObject({ ref, id: found });
    await expect(netkit.networks.get("012345")).rejects.toMatchObject({ code: "ID_AMBIGUOUS" });
    await expect(netkit.networks.get("0123459")).rejects.toMatchObject({ code: "NETWORK_NOT_FOUND" });
    // A name comes before the beginning of an id.
    await netkit.networks.create({ name: "0123456a" });
    expect(await netkit.networks.get("0123456a")).toMatchObject({ name: "0123456a" });
    for (const NetworkID of [first, second, foreign]) await done("NetworkDriver.DeleteNetwork", { NetworkID });
    for (const name of ["mine", "others", "0123456a"]) await netkit.networks.remove(name);
  });

  test("a network of Docker's has a subnet of netkit's choice, and one without addresses stays so", async () => {
    const [NetworkID, bare] = [id(), id()];
    await done("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, { "netkit.name": "own" }));
    const [subnet] = (await netkit.networks.get("own")).subnets;
    expect(subnet?.gateway).toBeDefined();
    const one = endpointOfNone(NetworkID);
    const { Interface } = await done("NetworkDriver.CreateEndpoint", one);
    expect(await done("NetworkDriver.Join", { ...one, SandboxKey: noKey() })).toMatchObject({
      Gateway: subnet?.gateway,
    });
    expect(Interface).not.toHaveProperty("AddressIPv6");
    await netkit.networks.create({ name: "bare", addresses: false });
    await done("NetworkDriver.CreateNetwork", requestOfNone(bare, { "netkit.network": "bare" }));
    const two = endpointOfNone(bare) as { NetworkID: string; EndpointID: string };
    expect(await done("NetworkDriver.CreateEndpoint", two)).toEqual({
      Interface: { MacAddress: expect.stringMatching(/^02:6d:/) as string },
    });
    await done("NetworkDriver.Join", { ...two, SandboxKey: noKey() });
    await leave(one as { NetworkID: string; EndpointID: string });
    await leave(two);
    for (const each of [NetworkID, bare]) await done("NetworkDriver.DeleteNetwork", { NetworkID: each });
    expect((await netkit.networks.list()).flatMap(({ predefined, name }) => (predefined ? [] : [name]))).toEqual([
      "bare",
    ]);
  });

  test("of a joined network that is removed nothing is left, and Docker is told that it is gone", async () => {
    await netkit.networks.create({ name: "mine" });
    const NetworkID = id();
    await done("NetworkDriver.CreateNetwork", requestOfNone(NetworkID, { "netkit.network": "mine" }));
    await netkit.networks.remove("mine");
    expect(await refused("NetworkDriver.CreateEndpoint", endpointOfNone(NetworkID))).toContain(
      "Somebody has removed it",
    );
    await done("NetworkDriver.DeleteNetwork", { NetworkID });
  });
});

test("a network that Docker has removed while a sandbox is on it is netkit's own", async () => {
  const { NetworkID } = await createNetwork();
  expect((await netkit.networks.inspect(NetworkID)).joins).toMatchObject([{ id: NetworkID, engine: "Docker" }]);
  expect(await netkit.networks.prune()).toEqual([]);
  const box = await netkit.sandboxes.open({ name: "box", networks: [NetworkID] });
  expect(await refused("NetworkDriver.DeleteNetwork", { NetworkID })).toContain("is in use by 'box'");
  await box.close();
  expect((await netkit.networks.inspect(NetworkID)).joins).toEqual([]);
  expect((await netkit.networks.prune()).map(({ id: each }) => each)).toEqual([NetworkID]);
});

test("what is left of a container that ended while nobody was told is in nobody's way", async () => {
  const { NetworkID, data } = await createNetwork([{ pool: "10.8.0.0/24" }]);
  const name = `nktest-${id().slice(0, 8)}`;
  const key = `/run/netns/${name}`;
  execFileSync("ip", ["netns", "add", name]);
  await netkit.sandboxes.open({
    name: "old",
    netns: key,
    labels: { "com.docker.sandbox.key": key },
    networks: [{ network: NetworkID, ip: "10.8.0.7", publish: ["8080:80"] }],
  });
  execFileSync("ip", ["netns", "del", name]);
  const asked = { PoolID: data[0]?.PoolID, Address: "10.8.0.7", Options: null };
  expect((await done("IpamDriver.RequestAddress", asked))["Address"]).toBe("10.8.0.7/24");
  expect(await netkit.sandboxes.list()).toEqual([]);
  await done("IpamDriver.ReleaseAddress", asked);
  await done("NetworkDriver.DeleteNetwork", { NetworkID });
});

test("pools are free ones, differ while they are held, and are counted where they are equal", async () => {
  const request = { AddressSpace: "netkit", Pool: "", SubPool: "", Options: {}, V6: false };
  const [one, two, six] = [
    await done("IpamDriver.RequestPool", request),
    await done("IpamDriver.RequestPool", request),
    await done("IpamDriver.RequestPool", { ...request, V6: true }),
  ];
  expect(one["Pool"]).not.toBe(two["Pool"]);
  expect(six["Pool"]).toMatch(/^fd.*\/64$/);
  const named = { ...request, Pool: "10.8.0.0/24", SubPool: "10.8.0.128/25" };
  const [first, second] = [await done("IpamDriver.RequestPool", named), await done("IpamDriver.RequestPool", named)];
  expect(first).toEqual(second);
  const { NetworkID, data } = await createNetwork([{ pool: "10.8.0.0/24", range: "10.8.0.128/25" }]);
  expect((await netkit.networks.get(NetworkID)).subnets).toMatchObject([
    { range: "10.8.0.128/25", gateway: "10.8.0.128" },
  ]);
  const { PoolID } = data[0] ?? {};
  const asked = { PoolID, Address: "", Options: null };
  expect((await done("IpamDriver.RequestAddress", asked))["Address"]).toBe("10.8.0.129/24");
  expect((await done("IpamDriver.RequestAddress", { ...asked, Address: "10.8.0.7" }))["Address"]).toBe("10.8.0.7/24");
  expect(await refused("IpamDriver.RequestAddress", { ...asked, Address: "10.8.0.7" })).toContain("in use");
  await done("IpamDriver.ReleaseAddress", { PoolID, Address: "10.8.0.7" });
  expect((await done("IpamDriver.RequestAddress", { ...asked, Address: "10.8.0.7" }))["Address"]).toBe("10.8.0.7/24");
  for (const pool of [one, two, six, first, second]) await done("IpamDriver.ReleasePool", { PoolID: pool["PoolID"] });
  await done("NetworkDriver.DeleteNetwork", { NetworkID });
});

test("auxiliary addresses, a name, options and a MAC are taken as Docker writes them", async () => {
  const NetworkID = id();
  const { PoolID, Pool } = await done("IpamDriver.RequestPool", { Pool: "10.8.0.0/24", SubPool: null, Options: null });
  expect((await done("IpamDriver.RequestAddress", { PoolID, Address: "10.8.0.5", Options: {} }))["Address"]).toBe(
    "10.8.0.5/24",
  );
  await done("NetworkDriver.CreateNetwork", {
    NetworkID,
    Options: {
      "com.docker.network.enable_ipv6": false,
      "com.docker.network.internal": true,
      "com.docker.network.generic": { "netkit.name": "mine", "com.docker.network.bridge.enable_icc": "false" },
    },
    IPv4Data: [{ AddressSpace: "netkit", Pool, Gateway: "10.8.0.1/24", AuxAddresses: { router: "10.8.0.5/24" } }],
    IPv6Data: null,
  });
  expect(await netkit.networks.get("mine")).toMatchObject({
    id: NetworkID,
    internal: true,
    options: { icc: false },
    subnets: [{ auxiliary: { router: "10.8.0.5" } }],
  });
  const EndpointID = id();
  const Options = { "com.docker.network.endpoint.macaddress": Buffer.from("020000000007", "hex").toString("base64") };
  const Interface = { Address: "10.8.0.9/24", AddressIPv6: "", MacAddress: "" };
  const created = await done("NetworkDriver.CreateEndpoint", { NetworkID, EndpointID, Interface, Options });
  // Nothing that was asked for is said again.
  expect(created).toEqual({ Interface: {} });
  const joined = await done("NetworkDriver.Join", { NetworkID, EndpointID, SandboxKey: noKey(), Options: null });
  // There is no way out of an internal network, and none is to be lent to it.
  expect(joined).toMatchObject({ Gateway: "", GatewayIPv6: "", DisableGatewayService: true });
  expect((await netkit.networks.inspect("mine")).endpoints).toMatchObject([{ mac: "02:00:00:00:00:07" }]);
  await leave({ NetworkID, EndpointID });
  await done("NetworkDriver.DeleteNetwork", { NetworkID });
});

/** What a macvlan network is, and what a container there is told. */
async function madeMacvlan(options: object): Promise<unknown> {
  const NetworkID = id();
  const request = {
    NetworkID,
    Options: { "com.docker.network.generic": options },
    IPv4Data: [{ AddressSpace: "LocalDefault", Pool: "10.8.0.0/24", Gateway: "10.8.0.1/24" }],
    IPv6Data: [],
  };
  await done("NetworkDriver.CreateNetwork", request, "-macvlan");
  const { internal } = await netkit.networks.get(NetworkID);
  const ids = { NetworkID, EndpointID: id() };
  const Interface = { Address: "10.8.0.9/24", AddressIPv6: "", MacAddress: "" };
  await done("NetworkDriver.CreateEndpoint", { ...ids, Interface, Options: null }, "-macvlan");
  const { Gateway } = await done("NetworkDriver.Join", { ...ids, SandboxKey: noKey(), Options: null }, "-macvlan");
  await leave(ids);
  await done("NetworkDriver.DeleteNetwork", { NetworkID }, "-macvlan");
  return { internal, Gateway };
}

test("a macvlan network without a parent is an internal one, whichever gateway Docker has thought of", async () => {
  expect(await madeMacvlan({})).toEqual({ internal: true, Gateway: "" });
  host.sh("ip link add wire0 type veth peer name wire1");
  expect(await madeMacvlan({ parent: "wire0" })).toEqual({ internal: false, Gateway: "10.8.0.1" });
  host.sh("ip link delete wire0");
});

test("a container on two networks is one sandbox, from its first endpoint to its last", async () => {
  const [one, two] = [await createNetwork(), await createNetwork()];
  const key = noKey();
  const joining = [one, two].map(
    async ({ NetworkID, data }) =>
      await joinContainer(
        NetworkID,
        data.map(({ PoolID }) => PoolID),
        key,
      ),
  );
  const endpoints = await Promise.all(joining);
  expect((await netkit.sandboxes.list()).map(({ name, endpoints: own }) => [name, own.length])).toEqual([
    [`docker-${key.split("/").at(-1)}`, 2],
  ]);
  await Promise.all(endpoints.map(leave));
  expect(await netkit.sandboxes.list()).toEqual([]);
});

test("what is repeated, unknown or out of order is answered clearly, and changes nothing", async () => {
  const { NetworkID, data } = await createNetwork();
  const PoolIDs = data.map(({ PoolID }) => PoolID);
  const unknown = { NetworkID: id(), EndpointID: id() };
  const SandboxKey = noKey();
  for (const [method, more, words] of [
    ["NetworkDriver.Join", { SandboxKey }, "has no endpoint"],
    ["NetworkDriver.Leave", {}, "has no endpoint"],
    ["NetworkDriver.EndpointOperInfo", {}, "has no endpoint"],
    ["NetworkDriver.ProgramExternalConnectivity", { Options: portmap(web) }, "has no endpoint"],
    ["NetworkDriver.CreateEndpoint", { Interface: { Address: "10.1.2.3/24" } }, "has no network for"],
  ] as const)
    expect(await refused(method, { ...unknown, ...more }), method).toContain(words);
  // What is gone is as it should be.
  for (const method of ["DeleteEndpoint", "DeleteNetwork", "RevokeExternalConnectivity"])
    expect(await done(`NetworkDriver.${method}`, unknown), method).toEqual({});
  const container = await joinContainer(NetworkID, PoolIDs, SandboxKey);
  const { EndpointID } = container;
  const again = { NetworkID, EndpointID, Interface: { Address: "10.1.2.3/24" } };
  expect(await refused("NetworkDriver.CreateEndpoint", again)).toContain("exists already");
  expect(await refused("NetworkDriver.Join", { NetworkID, EndpointID, SandboxKey })).toContain("has no endpoint");
  const created = { NetworkID, Options: {}, IPv4Data: [{ Pool: "10.7.7.0/24" }], IPv6Data: null };
  expect(await refused("NetworkDriver.CreateNetwork", created)).toContain("exists already");
  const unknownOption = { ...created, NetworkID: id(), Options: { "com.docker.network.generic": { icx: "1" } } };
  expect(await refused("NetworkDriver.CreateNetwork", unknownOption)).toContain("icc");
  const misspelt = { ...unknownOption, Options: { "com.docker.network.generic": { "netkit.nam": "x" } } };
  expect(await refused("NetworkDriver.CreateNetwork", misspelt)).toContain("Did you mean 'netkit.name'?");
  const generic = { "netkit.name": `docker-${NetworkID.slice(0, 12)}` };
  const taken = { ...unknownOption, Options: { "com.docker.network.generic": generic } };
  expect(await refused("NetworkDriver.CreateNetwork", taken)).toContain(`docker network rm ${NetworkID.slice(0, 12)}`);
  expect(await refused("NetworkDriver.DeleteNetwork", { NetworkID })).toContain("is in use by");
  const withOption = { NetworkID, EndpointID: id(), Interface: { Address: "10.1.2.3/24" }, Options: { icx: "1" } };
  await done("NetworkDriver.CreateEndpoint", withOption);
  expect(await refused("NetworkDriver.Join", { ...withOption, SandboxKey: noKey() })).toContain(
    "an endpoint of driver 'bridge' has",
  );
  await done("NetworkDriver.DeleteEndpoint", withOption);
  const nobodys = { PoolID: "10.200.0.0/24", Address: "", Options: null };
  expect(await refused("IpamDriver.RequestAddress", nobodys)).toContain("docker network create -d netkit");
  await leave(container);
  await leave(container).catch(() => {});
  // An endpoint that no container joined goes as it came.
  const idle = { NetworkID, EndpointID: id() };
  await done("NetworkDriver.CreateEndpoint", { ...idle, Interface: { Address: container.addresses[0] } });
  await done("NetworkDriver.DeleteEndpoint", idle);
  expect(await refused("NetworkDriver.Join", { ...idle, SandboxKey })).toContain("has no endpoint");
  await done("NetworkDriver.DeleteNetwork", { NetworkID });
});

test("what is no request of the protocol has a status of its own", async () => {
  for (const method of ["NetworkDriver.Nothing", "NetworkDriver.AllocateNetwork", "", "toString", "__proto__"])
    expect((await ask(method)).status, method).toBe(404);
  for (const [method, body] of [
    ["NetworkDriver.CreateNetwork", "{"],
    ["NetworkDriver.CreateNetwork", "[]"],
    ["NetworkDriver.CreateNetwork", { NetworkID: "x".repeat(25) }],
    ["NetworkDriver.Join", { NetworkID: id(), EndpointID: id(), SandboxKey: "relative" }],
    ["NetworkDriver.Join", undefined],
    ["NetworkDriver.CreateEndpoint", { NetworkID: id(), EndpointID: 7 }],
    ["IpamDriver.ReleasePool", { PoolID: "nonsense" }],
    ["IpamDriver.RequestPool", { Pool: 7 }],
    ["NetworkDriver.DeleteNetwork", "x".repeat(10 * 1024 * 1024)],
  ] as const) {
    const { status, body: answer } = await ask(method, body);
    expect([status, typeof answer["Err"]], `${method} ${JSON.stringify(body)?.slice(0, 60)}`).toEqual([400, "string"]);
  }
  // Half of a request, and a connection that says nothing.
  const socket = connect(join(folder, `${netkit.instance.mark}.sock`));
  socket.write('POST /NetworkDriver.CreateNetwork HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"Net');
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.destroy();
  expect(await done("Plugin.Activate")).toHaveProperty("Implements");
  expect((await netkit.networks.list()).every(({ predefined }) => predefined)).toBe(true);
});
