// netkit on hosts that are set up otherwise, and beside what else they forward.
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { hostIpv4, outsideIpv4, outsideIpv6, ping, serve, spaceOf, type Space } from "../src/index.ts";
import { onOutsideHost, plain, type OutsideHost } from "./outside-host.ts";
import { answer, isDropped, linkOf } from "./questions.ts";

const firewalls = (["nftables", "iptables"] as const).map((firewall) => ({ ...plain, firewall }));

test("a host with IPv6 turned off has IPv6 on netkit's own links, and there alone", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    await host.shell("for which in all default; do echo 1 > /proc/sys/net/ipv6/conf/$which/disable_ipv6; done");
    await netkit.networks.create({ name: "n", ipv6: true, subnets: [{ subnet: "fd00:9::/64" }] });
    const [one, two] = [await open("n"), await open("n")];
    expect(await ping(one.space, two.addresses[1] ?? "")).toBe(true);
    expect(await ping(one.space, "fd00:9::1")).toBe(true);
    expect(await host.sysctl("net/ipv6/conf/up0/disable_ipv6")).toBe("1");
    await host.shell("for which in all default; do echo 0 > /proc/sys/net/ipv6/conf/$which/disable_ipv6; done");
    await host.shell(
      "ip address add 2001:db8:99::2/64 dev up0 nodad; ip -6 route add default via 2001:db8:99::1 dev up0",
    );
  });
});

test.each([
  ["IPv6 alone", "ip route del default", "ip route add default via 203.0.113.1"],
  [
    "a rule's table",
    `ip route del default; ip -6 route del default
     ip rule add priority 99 table 99; ip route add default via 203.0.113.1 table 99`,
    `ip rule del priority 99; ip route flush table 99
     ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:99::1 dev up0`,
  ],
])("the uplink whose MTU networks get is that of %s", async (_, change, back) => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    await host.shell(`ip link set up0 mtu 1410\n${change}`);
    await netkit.networks.create({ name: "n" });
    expect((await linkOf((await open("n")).space, "eth0")).mtu).toBe(1410);
    await host.shell(`ip link set up0 mtu 1500\n${back}`);
  });
});

/** A machine of somebody else's behind the host, which forwards for it: a VM or a container of another program. */
async function neighbour({ host, outside }: OutsideHost): Promise<Space & Disposable> {
  const name = `${host.name}-vm`;
  execFileSync("ip", ["netns", "add", name]);
  const space = spaceOf(`/run/netns/${name}`);
  await host.shell(`echo 1 > /proc/sys/net/ipv4/ip_forward
    ip link add virbr0 type bridge; ip address add 10.50.0.1/24 dev virbr0; ip link set virbr0 up
    ip link add vm0 master virbr0 type veth peer name eth0 netns ${name}; ip link set vm0 up`);
  await space.shell(`ip address add 10.50.0.2/24 dev eth0; ip link set eth0 up; ip link set lo up
    ip route add default via 10.50.0.1`);
  await outside.shell(`ip route add 10.50.0.0/24 via ${hostIpv4}`);
  return {
    ...space,
    [Symbol.dispose]() {
      execFileSync("ip", ["netns", "del", name]);
      execFileSync("ip", ["-n", host.name, "link", "del", "virbr0"]);
    },
  };
}

describe.each(firewalls)("$firewall", (setting) => {
  test("what the host forwards for others goes on, in both directions, and its policies stay", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, outside, netkit, open } = place;
      const policies = async (): Promise<string> => await host.shell("iptables -S | grep ^-P; ip6tables -S | grep ^-P");
      using vm = await neighbour(place);
      await using _ = await serve(vm, 80);
      await using beyond = await serve(outside);
      const before = await policies();
      await netkit.networks.create({ name: "n", ipv6: true });
      await open({ network: "n", publish: ["8080:80"] });
      expect(await answer(vm, outsideIpv4, beyond.port)).toBe("10.50.0.2");
      expect(await answer(outside, "10.50.0.2", 80)).toBe(outsideIpv4);
      expect(await policies()).toBe(before);
    });
  });

  test("one's own rules hold for published ports, however often netkit writes its own, and doctor leaves them", async () => {
    await onOutsideHost(setting, async ({ host, outside, netkit, open }) => {
      await netkit.networks.create({ name: "n", ipv6: true });
      const web = await open({ network: "n", publish: ["8080:80"] });
      await using _ = await serve(web.space, 80);
      await using more = await serve(web.space, 81);
      const [make, remove] =
        setting.firewall === "nftables"
          ? [
              `nft 'add table inet own; add chain inet own forward { type filter hook forward priority 0; }
                add rule inet own forward ip saddr ${outsideIpv4} meta l4proto tcp ct original proto-dst 8080 drop'`,
              "nft delete table inet own",
            ]
          : [
              `iptables -I FORWARD -s ${outsideIpv4} -p tcp -m conntrack --ctorigdstport 8080 -j DROP`,
              `iptables -D FORWARD -s ${outsideIpv4} -p tcp -m conntrack --ctorigdstport 8080 -j DROP`,
            ];
      await host.shell(make);
      await web.sandbox.publish("n", ["8081:81"]);
      await netkit.networks.create({ name: "m" });
      await open({ network: "m", publish: ["8082:80"] });
      await netkit.doctor({ repair: true });
      expect(await isDropped(outside, hostIpv4, 8080)).toBe(true);
      expect(await answer(outside, hostIpv4, more.port + 8000)).toBe(outsideIpv4);
      await host.shell(remove);
      expect(await answer(outside, hostIpv4, 8080)).toBe(outsideIpv4);
      expect(await ping(web.space, outsideIpv6)).toBe(true);
    });
  });

  test("after a flush of all rules repair brings back the ports that are published, and none that were", async () => {
    await onOutsideHost(setting, async ({ host, outside, netkit, open }) => {
      await netkit.networks.create({ name: "n", ipv6: true });
      const web = await open({ network: "n", publish: ["8080:80", "8081:80"] });
      const gone = await open({ network: "n", publish: ["8082:80"] });
      await using _ = await serve(web.space, 80);
      await using left = await serve(gone.space, 80);
      expect(await answer(outside, hostIpv4, left.port + 8002)).toBe(outsideIpv4);
      await gone.sandbox.close();
      await web.sandbox.unpublish("n", ["8081:80"]);
      expect(await answer(outside, hostIpv4, 8080)).toBe(outsideIpv4);
      await host.shell(
        setting.firewall === "nftables"
          ? "nft flush ruleset"
          : `for program in iptables ip6tables; do for table in filter nat raw mangle; do
              $program -t $table -F; $program -t $table -X; done; done`,
      );
      expect(await answer(outside, hostIpv4, 8080)).toBe("refused");
      expect((await netkit.doctor({ repair: true })).repaired).not.toEqual([]);
      expect(await answer(outside, hostIpv4, 8080)).toBe(outsideIpv4);
      for (const port of [8081, 8082]) expect(await answer(outside, hostIpv4, port)).toBe("refused");
    });
  });
});
