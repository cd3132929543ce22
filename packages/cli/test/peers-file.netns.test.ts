import { ipOf, type Cidr } from "@netkit/core";
import type { EndpointDetails } from "@netkit/engine";
import { expect, test, vi } from "vitest";
import { onSharingHosts, type SharingHost } from "./sharing-hosts.ts";

const hosts = `hosts:
  one: 192.0.2.1
  two: 192.0.2.2
  three: { address: 192.0.2.3, mtu: 1500 }
`;

const networks = `networks:
  n:
    subnets: [10.7.0.0/24, "fd00:7::/64"]
    hosts:
      one: [10.7.0.64/26, "fd00:7:0:0:1::/80"]
      two: [10.7.0.128/26, "fd00:7:0:0:2::/80"]
      three: [10.7.0.192/26, "fd00:7:0:0:3::/80"]
    options: { vni: 5001 }
    labels: { team: blue }
    endpoints:
      web: { host: two, ip: 10.7.0.10, ip6: "fd00:7::10" }
`;

/** A change of the file is looked at once it has rested; then it is a few milliseconds. */
const soon = { timeout: 20_000 };

type Addressed = readonly Pick<EndpointDetails, "addresses">[];

function addressesOf([endpoint]: Addressed): string[] {
  return endpoint?.addresses.map(({ address }) => ipOf(address)) ?? [];
}

/** A sandbox on the network, and its addresses. */
async function open(host: SharingHost, name: string, request: object = {}): Promise<string[]> {
  return addressesOf(await host.call("open", { name, networks: [{ network: "n", ...request }] }));
}

async function knows(host: SharingHost): Promise<string[]> {
  return (await host.call("hosts")).map(({ name }) => name).toSorted();
}

async function reaches(from: SharingHost, sandbox: string, to: string): Promise<boolean> {
  return (await from.call("attempt", sandbox, `ping -c1 -W2 ${to}`)) !== undefined;
}

function three(found: readonly SharingHost[]): [SharingHost, SharingHost, SharingHost] {
  const [one, two, other] = found;
  if (one === undefined || two === undefined || other === undefined) throw new Error("there are three hosts");
  return [one, two, other];
}

test("hosts that share a file share its networks: all reach each other by address, and listed ones by name", async () => {
  await onSharingHosts(
    3,
    async (segment) => {
      const [one, two, other] = three(segment.hosts);
      for (const host of segment.hosts) await host.call("share");
      expect(await one.call("networks")).toContain("n");
      expect(await two.call("inspect", "n")).toMatchObject({ scope: "global", labels: { team: "blue" } });
      expect((await one.call("hosts")).map(({ name, state }) => [name, state])).toEqual([
        ["one", "up"],
        ["three", "listed"],
        ["two", "listed"],
      ]);
      const places: [SharingHost, string, string[]][] = [];
      for (const host of [one, two, other]) places.push([host, "a", await open(host, "a")]);
      const web = await open(two, "web");
      expect(web).toEqual(["10.7.0.10", "fd00:7::10"]);
      for (const [from, sandbox] of places) {
        for (const [, , addresses] of places)
          for (const address of addresses) expect(await reaches(from, sandbox, address), address).toBe(true);
        expect(await reaches(from, sandbox, "web")).toBe(true);
        expect(await from.call("attempt", sandbox, "getent hosts web")).toContain("fd00:7::10");
        // Out by its own host, whatever the others are asked.
        expect(await reaches(from, sandbox, "10.7.0.1")).toBe(true);
        expect(await reaches(from, sandbox, "fd00:7::1")).toBe(true);
      }
      // The hosts themselves, too, in both directions.
      const own = ((await one.call("inspect", "n")).share?.host?.addresses ?? []).map((address: Cidr) => ipOf(address));
      for (const address of own) expect(await reaches(other, "a", address), address).toBe(true);
      for (const address of places[2]?.[2] ?? []) await one.host.shell(`ping -c1 -W2 ${address}`);
      for (const host of segment.hosts) {
        expect(await host.call("findings")).toEqual([]);
        await host.call("remove", "a");
      }
      await two.call("remove", "web");
    },
    { peers: hosts + networks },
  );
});

test("who is listed is asked for by nobody; who isn't is asked for on all hosts of the network", async () => {
  const ipv4 = networks
    .replace(/, "fd00:7::\/64"/, "")
    .replaceAll(/, "fd00[^"]*"/g, "")
    .replace(/, ip6: "[^"]*"/, "");
  await onSharingHosts(
    3,
    async (segment) => {
      const [one, two, other] = three(segment.hosts);
      await open(one, "a");
      await open(two, "web");
      const [b = ""] = await open(two, "b");
      await open(other, "c");
      const tunnels = async (): Promise<unknown[]> => {
        const [check] = await one.call("checkPeers");
        return check?.peers.map(({ host, tunnel, faults }) => [host.name, tunnel.state, faults.length]) ?? [];
      };
      // Of the third host no address is listed that could be asked.
      expect(await tunnels()).toEqual([
        ["three", "skipped", 0],
        ["two", "passed", 0],
      ]);
      await two.host.shell("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }'");
      await two.host.shell("nft add rule inet cut in udp dport 4789 drop");
      expect(await tunnels()).toEqual([
        ["three", "skipped", 0],
        ["two", "failed", 1],
      ]);
      await two.host.shell("nft delete table inet cut");
      const mac = (await one.call("attempt", "a", "cat /sys/class/net/eth0/address"))?.trim() ?? "";
      expect(mac).toMatch(/^02:6e:/);
      expect(await reaches(one, "a", "web")).toBe(true);
      expect(await other.host.shell("bridge fdb show")).not.toContain(mac);
      expect(await reaches(one, "a", b)).toBe(true);
      expect(await other.host.shell("bridge fdb show")).toContain(`${mac} dev`);
      for (const [host, name] of [
        [one, "a"] as const,
        [two, "web"] as const,
        [two, "b"] as const,
        [other, "c"] as const,
      ])
        await host.call("remove", name);
    },
    { peers: hosts + ipv4 },
  );
});

test("who is listed after others have learned of it is known by name, and what is in the way of it is told", async () => {
  const ipv4 = networks
    .replace(', "fd00:7::/64"', "")
    .replaceAll(/, "fd00[^"]*"/g, "")
    .replace(/, ip6: "[^"]*"/, "");
  await onSharingHosts(
    2,
    async (segment) => {
      const [one, two] = segment.hosts;
      if (one === undefined || two === undefined) throw new Error("there are two hosts");
      const list = (...listed: string[]): void =>
        segment.hosts.forEach((host) => host.writePeers([hosts + ipv4.trimEnd(), ...listed, ""].join("\n      ")));
      await open(one, "a");
      for (const [name, ip] of [["b", "10.7.0.150"] as const, ["c", "10.7.0.151"] as const]) {
        await open(two, name, { ip });
        expect(await reaches(one, "a", ip)).toBe(true);
      }
      const fdb = async (): Promise<{ mac: string; ifname: string; state: string; flags: string[] }[]> =>
        JSON.parse(await one.host.exec(["bridge", "-j", "fdb", "show"])) as [];
      const of = async (mac: string): Promise<string[]> =>
        (await fdb()).filter((each) => each.mac === mac).map(({ state }) => state);
      const [b, c] = ["02:6e:0a:07:00:96", "02:6e:0a:07:00:97"];
      // Learned, in the device's own table and in that of the bridge.
      expect(await of(b)).toHaveLength(2);
      expect((await of(b)).join()).not.toMatch(/permanent|static/);
      const device = (await fdb()).find(({ mac, flags }) => mac === c && flags.includes("self"))?.ifname ?? "";
      await one.host.shell(`bridge fdb replace ${c} dev ${device} dst 192.0.2.77 self permanent`);

      list("b: { host: two, ip: 10.7.0.150 }", "c: { host: two, ip: 10.7.0.151 }");
      const resolves = async (name: string): Promise<string | undefined> =>
        await one.call("attempt", "a", `getent hosts ${name}`);
      await vi.waitFor(async () => expect(await resolves("b")).toContain("10.7.0.150"), soon);
      expect((await of(b)).toSorted()).toEqual(["permanent", "static"]);
      expect(await reaches(one, "a", "b")).toBe(true);
      // What can't be in the kernel is known still, and told of for as long as it is so.
      expect(await resolves("c")).toContain("10.7.0.151");
      expect((await one.call("inspect", "n")).remotes.flatMap(({ addresses }) => addresses)).toContain("10.7.0.151/24");
      const [trouble, ...more] = (await one.call("sharing"))?.troubles ?? [];
      expect(trouble?.message).toMatch(/^fdb .* 02:6e:0a:07:00:97 self of peer 'c@n on two' exists already: /);
      expect(more).toEqual([]);
      expect(await one.call("findings")).toContain(trouble?.message);
      expect(await one.call("complaints")).toEqual([trouble?.message]);
      await one.host.shell(`bridge fdb delete ${c} dev ${device} self`);
      list("b: { host: two, ip: 10.7.0.150 }", "c: { host: two, ip: 10.7.0.151 }", "# again");
      await vi.waitFor(async () => expect((await one.call("sharing"))?.troubles).toEqual([]), soon);
      expect((await of(c)).toSorted()).toEqual(["permanent", "static"]);
      expect(await reaches(one, "a", "c")).toBe(true);
      await one.call("remove", "a");
      for (const name of ["b", "c"]) await two.call("remove", name);
    },
    { peers: hosts + ipv4 },
  );
});

test("what the file says is this host's to use, and not to change", async () => {
  await onSharingHosts(
    2,
    async (segment) => {
      const [one, two] = segment.hosts;
      if (one === undefined || two === undefined) throw new Error("there are two hosts");
      await expect(one.call("create", { name: "m", driver: "overlay" })).rejects.toMatchObject({
        code: "STORE_READ_ONLY",
        message: expect.stringMatching(
          /network 'm' can't be made here: hosts share the networks that .*hosts1.yaml lists/,
        ),
      });
      await expect(one.call("removeNetwork", "n")).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
      expect(await open(one, "s", { ip: "10.7.0.100" })).toEqual(["10.7.0.100", "fd00:7::1:0:0:1"]);
      await expect(open(one, "t", { ip: "10.7.0.130" })).rejects.toMatchObject({
        code: "ADDRESS_OUTSIDE",
        message: expect.stringContaining("which is 10.7.0.64/26 of 10.7.0.0/24"),
      });
      await expect(open(one, "t", { ip: "10.7.0.10" })).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
      await expect(open(two, "t", { ip: "10.7.0.10" })).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
      await expect(open(two, "web", { mac: "02:00:00:00:00:01" })).rejects.toThrow("other hosts know sandbox 'web'");
      expect(await open(two, "web", { ip: "10.7.0.10" })).toEqual(["10.7.0.10", "fd00:7::10"]);
      await one.call("remove", "s");
      await two.call("remove", "web");
    },
    { peers: hosts + networks },
  );
});

test("agents follow the file: hosts and networks come and go, and one that is wrong changes nothing", async () => {
  await onSharingHosts(
    3,
    async (segment) => {
      const [one, two, other] = three(segment.hosts);
      const write = (text: string): void => segment.hosts.forEach((host) => host.writePeers(text));
      const without = hosts.replace(/.*three.*\n/, "") + networks.replace(/.*three.*\n/, "");
      write(without.replace("    endpoints:\n", "").replace(/.*web:.*\n/, ""));
      await vi.waitFor(async () => expect(await knows(one)).toEqual(["one", "two"]), soon);
      await vi.waitFor(async () => expect(await knows(two)).toEqual(["one", "two"]), soon);
      await vi.waitFor(async () => expect(await other.call("troubles")).toHaveLength(1), soon);
      const [trouble = ""] = (await other.call("troubles")) ?? [];
      expect(trouble).toMatch(/hosts3.yaml:1: hosts: none has this host's address 192.0.2.3$/);
      expect(await other.call("findings")).toEqual([trouble]);
      expect(await other.call("complaints")).toEqual([trouble]);

      await open(one, "a");
      const [b = ""] = await open(two, "b");
      expect(await reaches(one, "a", b)).toBe(true);
      // A host joins, and is reached through what is there already.
      write(hosts + networks);
      const [c = ""] = await open(other, "c");
      await vi.waitFor(async () => expect(await reaches(one, "a", c)).toBe(true), soon);
      expect(await reaches(one, "a", "10.7.0.10")).toBe(false);
      await vi.waitFor(async () => expect(await other.call("troubles")).toEqual([]), soon);

      write(hosts + networks.replace("10.7.0.128/26", "10.7.0.64/27"));
      await vi.waitFor(async () => expect(await one.call("troubles")).toHaveLength(1), soon);
      expect(await one.call("troubles")).toEqual([
        expect.stringMatching(/:10: networks.n.hosts.two: 10.7.0.64\/27 overlaps 10.7.0.64\/26 of host 'one'$/),
      ]);
      expect(await reaches(one, "a", b)).toBe(true);
      for (const host of segment.hosts)
        await vi.waitFor(async () => expect(await host.call("complaints")).toHaveLength(1), soon);

      // A further network, and the first one is another one now: what is on it stays, and is told of.
      const second = networks.replace("networks:\n", "").replaceAll("10.7.0.", "10.8.0.").replaceAll("00:7:", "00:8:");
      write(hosts + networks.replace("5001", "5002") + second.replace(" n:", " m:").replace("5001", "5003"));
      await vi.waitFor(async () => expect(await one.call("networks")).toContain("m"), soon);
      await vi.waitFor(async () => expect(await one.call("troubles")).toHaveLength(1), soon);
      const [changed = ""] = (await one.call("troubles")) ?? [];
      expect(changed).toMatch(
        /^network 'n', which 'a' is on, is made otherwise by .*hosts1.yaml now: vni is 5002, and was 5001$/,
      );
      expect(await one.call("findings")).toEqual([changed]);
      await one.call("connect", "a", { network: "m" });
      for (const [host, name] of [[one, "a"] as const, [two, "b"] as const, [other, "c"] as const]) {
        await vi.waitFor(async () => expect(await host.call("complaints")).toHaveLength(1), soon);
        await host.call("remove", name);
        await host.call("share");
        await vi.waitFor(async () => expect(await host.call("troubles")).toEqual([]), soon);
        await vi.waitFor(async () => expect((await host.call("inspect", "n")).claims).toEqual({ vni: "5002" }), soon);
      }
      write(hosts);
      for (const host of segment.hosts)
        await vi.waitFor(async () => expect(await host.call("networks")).not.toContain("n"), soon);
    },
    { peers: hosts + networks },
  );
});
