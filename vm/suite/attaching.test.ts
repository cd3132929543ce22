import { localStores, virtualMachines, type Host } from "@netkit/testing/hosts";
import { describe, expect, test } from "vitest";
import { launch, launchPair, onSharingHosts } from "./sharing.ts";
import { expectReached, peer } from "./traffic.ts";

const available = virtualMachines !== undefined || localStores.length > 0;

describe.skipIf(!available)("core", () => {
  test("sandboxes of two hosts reach each other on macvlan networks of the link that the hosts share", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const targets: Record<string, string> = {};
      const launching = hosts.map(async (host, index) => {
        const address = `10.0.8.${index + 11}`;
        targets[address] = host.name;
        const create = `netkit network create --driver macvlan --subnet 10.0.8.0/24 -o parent=${host.link} m`;
        await launch(host, create, peer(host.name, `--network m --ip ${address}`));
      });
      await Promise.all(launching);
      await Promise.all(hosts.map(async (host) => await expectReached(host, host.name, targets)));
      await Promise.all(
        hosts.map(async (host) => await host.shell(`netkit sandbox rm -f ${host.name}; netkit network rm m`)),
      );
    });
  });
});

describe.skipIf(virtualMachines === undefined && !localStores.includes("etcd"))("core", () => {
  test("sandboxes of two hosts reach each other on flannel's network, each host in a subnet of its own", async () => {
    await onSharingHosts(2, async ({ hosts, store }) => {
      const config = { Network: "10.5.0.0/16", Backend: { Type: "vxlan" } };
      await store.etcdctl("put", "/coreos.com/network/config", JSON.stringify(config));
      const found = await Promise.all(
        hosts.map(async (host) => {
          // Its usual place is one that hosts in namespaces share.
          const file = `-o subnet-file=/run/flannel-${host.name}/subnet.env`;
          const create = `netkit network create --driver flannel -o store=${store.url} -o iface=${host.link} ${file} f`;
          const { [host.name]: [address = ""] = [] } = await launch(host, create, peer(host.name, "--network f"));
          return [address, host.name] as const;
        }),
      );
      // Each is told of the other by its agent.
      await Promise.all(
        hosts.map(async (host) => await expectReached(host, host.name, Object.fromEntries(found), 20_000)),
      );
      const subnets = found.map(([address]) => address.split(".", 3).join("."));
      expect(new Set(subnets).size).toBe(2);
      const leases = await store.etcdctl("get", "/coreos.com/network/subnets/", "--prefix", "--keys-only");
      for (const subnet of subnets) expect(leases).toContain(`/coreos.com/network/subnets/${subnet}.0-24`);
      await Promise.all(
        hosts.map(async (host) => await host.shell(`netkit sandbox rm -f ${host.name}; netkit network rm f`)),
      );
      expect(await store.etcdctl("get", "/coreos.com/network/subnets/", "--prefix", "--keys-only")).toBe("");
    });
  });
});

describe.skipIf(!available)("networks", () => {
  test("of two hosts that want one address at once one has it, and the other is told who", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const [a, b] = hosts as readonly [Host, Host];
      await a.netkit("network", "create", "--driver", "overlay", "--subnet", "10.0.9.0/24", "n");
      await b.until("netkit network inspect n");
      const outcomes = await Promise.all(
        hosts.map(async (host) => await host.run(["sh", "-c", peer(host.name, "--network n --ip 10.0.9.77")])),
      );
      const won = hosts[outcomes.findIndex(({ status }) => status === 0)];
      const lost = outcomes.find(({ status }) => status !== 0);
      expect(outcomes.filter(({ status }) => status === 0)).toHaveLength(1);
      expect(lost?.stderr).toContain(`address 10.0.9.77 is in use by sandbox '${won?.name}' on host '${won?.name}'`);
      const loser = hosts.find((host) => host !== won) ?? b;
      await launch(loser, peer(loser.name, "--network n"));
      await expectReached(loser, loser.name, { "10.0.9.77": won?.name ?? "" });
    });
  });

  test("a VNI is one network's on all hosts, whether it is asked for or one of a range", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const { a, b } = await launchPair(hosts, "-o vni=5000");
      expect(await b.ip("link show type vxlan")).toMatchObject([{ linkinfo: { info_data: { id: 5000, port: 4789 } } }]);
      const create = "netkit network create --driver overlay -o".split(" ");
      const { status, stderr } = await b.run([...create, "vni=5000", "m"]);
      expect([status, stderr]).toEqual([4, expect.stringContaining("vni 5000 is in use by network 'n'")]);
      await a.exec([...create, "vni=5000-5001", "m"]);
      const full = await b.run([...create, "vni=5000-5001", "o"]);
      expect([full.status, full.stderr]).toEqual([5, expect.stringContaining("each vni of 5000-5001 is in use")]);
    });
  });

  test("ten networks at once have sandboxes of the same names, and each finds those of its own", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const [a, b] = hosts as readonly [Host, Host];
      const numbers = Array.from({ length: 10 }, (_, index) => index);
      await a.shell(
        numbers.map((n) => `netkit network create --driver overlay --subnet 10.1.${n}.0/24 n${n}`).join("\n"),
      );
      await b.until("netkit network inspect n9");
      const on = (side: string): string[] =>
        numbers.map((n) => peer(`s${n}`, `--network n${n} --alias ${side}`, `s${n}-${side}`));
      await Promise.all([launch(a, ...on("left")), launch(b, ...on("right"))]);
      for (const n of numbers) {
        await Promise.all([
          expectReached(a, `s${n}`, { right: `s${n}-right` }),
          expectReached(b, `s${n}`, { left: `s${n}-left` }),
        ]);
      }
    });
  });
});
