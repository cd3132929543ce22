// Which subnets networks get, beside what the host has.
import { expect, test } from "vitest";
import type { Netkit } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";
import { withResolvConf } from "./resolv-conf.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

/** The subnet of a new network that asks for none. */
async function given(name: string): Promise<string | undefined> {
  return (await netkit.networks.create({ name })).subnets[0]?.subnet;
}

test("a network that asks for no subnet gets one beside the host's links, routes, name servers and other networks", async () => {
  using _ = withResolvConf("nameserver 172.17.12.53\nnameserver fe80::1%eth0\n");
  host.sh("ip link add tun0 type bridge; ip address add 172.17.0.1/24 dev tun0; ip link set tun0 up");
  host.sh("ip route add 172.17.4.0/23 via 172.17.0.9; ip route add 0.0.0.0/1 via 172.17.0.9");
  await netkit.networks.create({ name: "named", subnets: [{ subnet: "172.17.8.0/24" }], options: { name: "br9" } });
  // It has no route, and is no less a network.
  host.sh("ip link set br9 down");
  expect(await given("first")).toBe("172.17.16.0/22");
  expect(await given("second")).toBe("172.17.20.0/22");
  host.sh("ip link del tun0");
  expect(await given("third")).toBe("172.17.0.0/22");
});

test("when no subnet is left the refusal says how many there were, and one that is given back is used again", async () => {
  host.sh("ip link add tun0 type bridge; ip address add 10.99.0.1/24 dev tun0; ip link set tun0 up");
  host.sh("for route in 172.16.0.0/13 172.24.0.0/13 192.168.0.0/17; do ip route add $route dev tun0; done");
  host.sh("for part in 0 1 2 3 4 5 6; do ip route add 192.168.$((128 + part * 16)).0/20 dev tun0; done");
  host.sh("ip route add 192.168.240.0/21 dev tun0; ip route add 192.168.248.0/22 dev tun0");
  expect(await given("last")).toBe("192.168.252.0/22");
  await expect(given("more")).rejects.toMatchObject({
    code: "POOL_EXHAUSTED",
    message: "each of the 1088 subnets of the pools overlaps a network or a route",
    hint: expect.stringContaining("--subnet"),
  });
  await netkit.networks.remove("last");
  expect(await given("more")).toBe("192.168.252.0/22");
  host.sh("ip link del tun0");
});

test("host bits, a gateway, a range and an auxiliary address outside are told of in one refusal", async () => {
  const subnets = [
    { subnet: "10.9.0.1/16" },
    { subnet: "10.8.0.0/16", gateway: "10.10.0.1", range: "10.11.0.0/24", auxiliary: { router: "10.12.0.1" } },
    { subnet: "fd00:9::/64", range: "10.8.1.0/24" },
    { subnet: "10.8.128.0/17" },
  ];
  const refusal: unknown = await netkit.networks.create({ name: "n", subnets }).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "SUBNET_INVALID" });
  const { message } = refusal as Error;
  for (const problem of ["10.9.0.0/16", "10.10.0.1", "10.11.0.0/24", "10.12.0.1", "10.8.1.0/24", "10.8.128.0/17"])
    expect(message).toContain(problem);
});

test("a network is removed by name, id and prefix; where a name is another network's id, the id counts", async () => {
  const [byName, byId, byPrefix] = [
    await netkit.networks.create({ name: "one" }),
    await netkit.networks.create({ name: "two" }),
    await netkit.networks.create({ name: "three" }),
  ];
  const decoy = await netkit.networks.create({ name: byId.id });
  await netkit.networks.remove(byId.id);
  await netkit.networks.remove(byName.name);
  await netkit.networks.remove(byPrefix.id.slice(0, 30));
  const left = (await netkit.networks.list()).filter(({ predefined }) => !predefined);
  expect(left.map(({ id }) => id)).toEqual([decoy.id]);
});
