import { describe, expect, test } from "vitest";
import { DockerEngine, hasDocker } from "../src/docker-engine.ts";
import { localStores, onSite, type Host, type Site } from "../src/hosts/index.ts";

const sleeper = ["box", "sleep", "1000"];

/** A Docker on each of two hosts, whose agents share networks by an etcd. */
async function onDockers(
  work: (site: Site, hosts: readonly [Host, Host], engines: readonly [DockerEngine, DockerEngine]) => Promise<void>,
): Promise<void> {
  await onSite(2, async (site) => {
    const [one, two] = site.hosts as [Host, Host];
    const options = { agent: ["--store", site.store.url, "--advertise", one.link] };
    {
      await using first = await DockerEngine.start(one, options);
      await using second = await DockerEngine.start(two, options);
      await work(site, [one, two], [first, second]);
      for (const engine of [first, second]) {
        await engine.docker("rm", "-f", ...(await engine.docker("ps", "-aq")).split("\n"));
        await engine.docker("network", "prune", "-f");
      }
      for (const host of [one, two]) {
        expect(await host.netkit("doctor")).toContain("all is well");
        await host.netkit("network", "prune", "-f");
      }
      expect([...first.complaints, ...second.complaints]).toEqual([]);
    }
    expect(await site.differences()).toEqual([]);
  });
}

/** Other hosts tell of theirs in their own time. */
async function reaches(host: Host, { api }: DockerEngine, from: string, to: string): Promise<void> {
  await host.until(`docker -H ${api} exec ${from} ping -c 1 -W 2 ${to}`);
}

async function addressOf(engine: DockerEngine, container: string, network: string): Promise<string> {
  return await engine.docker("inspect", "--format", `{{.NetworkSettings.Networks.${network}.IPAddress}}`, container);
}

describe.skipIf(!hasDocker || !localStores.includes("etcd"))("Docker on two hosts", () => {
  test("containers of both are on one overlay, from their start or connected later, and find each other by netkit's names", async () => {
    await onDockers(async (_, [one, two], [first, second]) => {
      const create = "network create -d netkit-overlay --ipam-driver netkit --subnet 10.84.0.0/24".split(" ");
      await first.docker(...create, "-o", "netkit.name=shared", "shared");
      await two.until("netkit network inspect shared");
      const join = "network create -d netkit-overlay --ipam-driver null -o netkit.network=shared shared";
      await second.docker(...join.split(" "));
      await second.docker(..."network create -d netkit --ipam-driver netkit own".split(" "));
      await first.docker("run", "-d", "--name", "aa", "--network", "shared", "--dns", "127.0.0.12", ...sleeper);
      await second.docker("run", "-d", "--name", "bb", "--network", "shared", "--network-alias", "www", ...sleeper);
      await second.docker("run", "-d", "--name", "cc", "--network", "own", ...sleeper);
      await two.until("netkit sandbox inspect cc");
      await second.docker("network", "connect", "--alias", "late", "shared", "cc");
      expect(await second.docker("exec", "cc", "ip", "-o", "-4", "address")).toContain(" net0 ");
      const addresses = await Promise.all(["bb", "cc"].map(async (name) => await addressOf(second, name, "shared")));
      for (const address of addresses) await reaches(one, first, "aa", address);
      await reaches(two, second, "cc", await addressOf(first, "aa", "shared"));
      for (const name of ["bb", "www", "cc", "late"]) await reaches(one, first, "aa", name);
      await second.docker("network", "disconnect", "shared", "cc");
      await second.docker("network", "connect", "shared", "cc");
      await reaches(one, first, "aa", await addressOf(second, "cc", "shared"));
    });
  });

  test("a flannel network that Docker makes on each host, or that netkit has, gives out the host's own subnet", async () => {
    await onDockers(async ({ store }, hosts, engines) => {
      await store.etcdctl("put", "/coreos.com/network/config", '{"Network":"10.85.0.0/16","Backend":{"Type":"vxlan"}}');
      const optionsOf = (host: Host): string =>
        `-o store=${store.url} -o iface=${host.link} -o subnet-file=/run/docker/subnet.env`;
      const create = "network create -d netkit-flannel --ipam-driver";
      const other = `${create} netkit --subnet 10.99.0.0/24 ${optionsOf(hosts[0])} other`.split(" ");
      expect(await engines[0].refusal(...other)).toContain(`docker ${create} netkit NAME`);
      await engines[0].docker(...`${create} netkit ${optionsOf(hosts[0])} flannel`.split(" "));
      await hosts[1].netkit(...`network create --driver flannel ${optionsOf(hosts[1])} flannel`.split(" "));
      await engines[1].docker(...`${create} null -o netkit.network=flannel flannel`.split(" "));
      const addresses: string[] = [];
      for (const engine of engines) {
        await engine.docker("run", "-d", "--name", "it", "--network", "flannel", ...sleeper);
        addresses.push(await addressOf(engine, "it", "flannel"));
      }
      for (const address of addresses) expect(address).toMatch(/^10\.85\./);
      const [one = "", two = ""] = addresses;
      await reaches(hosts[0], engines[0], "it", two);
      await reaches(hosts[1], engines[1], "it", one);
    });
  });
});
