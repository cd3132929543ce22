import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ipOf, type Cidr } from "@netkit/core";
import type { EndpointDetails } from "@netkit/engine";
import { describe, expect, test, vi } from "vitest";
import { etcdPrograms } from "@netkit/testing";
import { onSharingHosts, serverAddress, urls, type Segment, type SharingHost } from "./sharing-hosts.ts";

/** The first address of a sandbox that is on one network. */
function addressOf([endpoint]: readonly Pick<EndpointDetails, "addresses">[]): string {
  return ipOf(endpoint?.addresses[0]?.address ?? ("" as Cidr));
}

function hostsOf({ hosts: [a, b] }: Segment): [SharingHost, SharingHost] {
  if (a === undefined || b === undefined) throw new Error("there are two hosts");
  return [a, b];
}

async function reaches(from: SharingHost, sandbox: string, to: string): Promise<boolean> {
  return (await from.call("attempt", sandbox, `ping -c1 -W2 ${to}`)) !== undefined;
}

/** `x` on the first host and `y` on the second, on one network, and both know of each other. */
async function pair(segment: Segment): Promise<{ a: SharingHost; b: SharingHost; x: string; y: string }> {
  const [a, b] = hostsOf(segment);
  await a.call("create", { name: "n", driver: "overlay" });
  await b.call("share");
  const x = addressOf(await a.call("open", { name: "x", networks: ["n"] }));
  const y = addressOf(await b.call("open", { name: "y", networks: [{ network: "n", aliases: ["why"] }] }));
  await a.call("share");
  return { a, b, x, y };
}

async function removeAll(segment: Segment): Promise<void> {
  const [a, b] = hostsOf(segment);
  for (const [host, sandbox] of [[a, "x"] as const, [b, "y"] as const]) await host.call("remove", sandbox);
  await a.call("removeNetwork", "n");
  await b.call("share");
}

async function remotesOn(host: SharingHost, network: string): Promise<string[]> {
  const { remotes } = await host.call("inspect", network);
  return remotes.flatMap(({ sandbox }) => sandbox?.name ?? []).toSorted();
}

test("names, aliases and addresses are known on each host, and a network in use anywhere is not removed", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, b, x, y } = await pair(segment);
    for (const name of ["y", "why", "y.n"]) expect(await a.call("attempt", "x", `getent hosts ${name}`)).toContain(y);
    expect(await b.call("attempt", "y", `getent hosts ${x}`)).toContain("x.n");
    // The hosts themselves have addresses there, which lead to them alone.
    const [own = "" as Cidr] = (await a.call("inspect", "n")).share?.host?.addresses ?? [];
    expect(await reaches(b, "y", ipOf(own))).toBe(true);

    await a.call("remove", "x");
    await b.call("share");
    expect(await b.call("attempt", "y", "getent hosts x")).toBeUndefined();
    expect(await remotesOn(b, "n")).toEqual([]);
    await expect(a.call("removeNetwork", "n")).rejects.toThrow("network 'n' is in use by 'y' on host 'h2'");
    expect(await b.call("networks")).toContain("n");
    await b.call("connect", (await b.call("open", { name: "z" }), "z"), { network: "n" });
    await b.call("remove", "y");
    await b.call("disconnect", "z", "n");
    await b.call("remove", "z");
    await a.call("removeNetwork", "n");
    await b.call("share");
    expect(await b.call("networks")).not.toContain("n");
  });
});

test("what is a sandbox's name on another host stands for none whose id here begins so", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, b, y } = await pair(segment);
    const [known] = (await b.call("inspect", "n")).remotes.flatMap(({ sandbox }) => sandbox ?? []);
    expect(known?.name).toBe("x");
    const name = known?.id.slice(0, 1) ?? "";
    expect(await a.call("attempt", name, "hostname")).toBe("x");
    await b.call("open", { name, networks: ["n"] });
    await a.call("share");
    const refusal = `no sandbox '${name}'`;
    await expect(a.call("disconnect", name, "n")).rejects.toThrow(refusal);
    await expect(a.call("remove", name)).rejects.toThrow(refusal);
    await expect(a.call("attempt", name, "hostname")).rejects.toThrow(refusal);
    expect(await reaches(a, "x", y)).toBe(true);
    await b.call("remove", name);
    await a.call("share");
    expect(await a.call("attempt", name, "hostname")).toBe("x");
    await removeAll(segment);
  });
});

test("what is unique is so on all hosts: one of two gets an address, a name, a VNI that both ask for", async () => {
  await onSharingHosts(2, async (segment) => {
    const both = hostsOf(segment);
    const [a, b] = both;
    const made = await Promise.allSettled(both.map((host) => host.call("create", { name: "n", driver: "overlay" })));
    expect(made.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(made.find((one) => one.status === "rejected")?.reason).toMatchObject({ code: "NAME_TAKEN" });
    await Promise.all(both.map((host) => host.call("share")));
    const { claims, subnets } = await a.call("inspect", "n");
    const other = await b.call("create", { name: "m", driver: "overlay" });
    expect(other.claims["vni"]).not.toBe(claims["vni"]);
    expect(other.subnets[0]?.subnet).not.toBe(subnets[0]?.subnet);
    await expect(
      a.call("create", { name: "o", driver: "overlay", options: { vni: claims["vni"] ?? "" } }),
    ).rejects.toThrow(`vni ${claims["vni"]} is in use by network 'n'`);

    const ip = "10.0.0.77";
    const opened = await Promise.allSettled(
      both.map((host) => host.call("open", { name: `s-${host.name}`, networks: [{ network: "n", ip }] })),
    );
    const won = opened.findIndex(({ status }) => status === "fulfilled");
    const lost = opened[1 - won];
    expect(lost?.status === "rejected" && lost.reason).toMatchObject({
      code: "ADDRESS_TAKEN",
      message: `address ${ip} is in use by sandbox 's-h${won + 1}' on host 'h${won + 1}'`,
    });
    const names = [1, 2, 3, 4, 5];
    const addresses = await Promise.all(
      both.flatMap((host) =>
        names.map(async (name) => addressOf(await host.call("open", { name: `s${name}`, networks: ["n"] }))),
      ),
    );
    expect(new Set(addresses).size).toBe(10);
    await a.call("share");
    expect(await a.call("namesakes", "s1")).toMatchObject([{ network: "n", host: { name: "h2" } }]);
    expect(await a.call("open", { name: `s-h${2 - won}` })).toEqual([]);
    expect(await a.call("namesakes", `s-h${2 - won}`)).toEqual([]);
    await a.call("remove", `s-h${2 - won}`);
    for (const host of both) for (const name of names) await host.call("remove", `s${name}`);
    await both[won]?.call("remove", `s-h${won + 1}`);
    for (const name of ["n", "m"]) {
      await a.call("share");
      await a.call("removeNetwork", name);
    }
    await b.call("share");
  });
});

test("a subnet that is too small for an address of each host is said to be that", async () => {
  await onSharingHosts(2, async (segment) => {
    const [a, b] = hostsOf(segment);
    const subnets = [{ subnet: "10.60.0.0/30" }, { subnet: "10.61.0.0/24" }];
    await a.call("create", { name: "n", driver: "overlay", internal: true, subnets });
    await a.call("open", { name: "x", networks: ["n"] });
    await b.call("share");
    const full = await b.call("open", { name: "y", networks: ["n"] }).catch((error: unknown) => error);
    expect(full).toMatchObject({
      code: "POOL_EXHAUSTED",
      message: "network 'n' is full: the one address of 10.60.0.0/30 is in use",
      hint: expect.stringMatching(
        /^Each host with a sandbox on the network has an address of its own in each subnet/,
      ) as string,
    });
    await a.call("remove", "x");
    await a.call("share");
    await a.call("removeNetwork", "n");
    await b.call("share");
  });
});

test("a network is removed or attached to, never both", async () => {
  await onSharingHosts(2, async (segment) => {
    const [a, b] = hostsOf(segment);
    for (let round = 0; round < 8; round++) {
      await a.call("create", { name: "n", driver: "overlay" });
      await b.call("share");
      const [removed, opened] = await Promise.allSettled([
        a.call("removeNetwork", "n"),
        b.call("open", { name: "y", networks: ["n"] }),
      ]);
      expect([removed.status, opened.status].toSorted()).toEqual(["fulfilled", "rejected"]);
      await a.call("share");
      await b.call("share");
      for (const host of [a, b])
        expect((await host.call("networks")).includes("n")).toBe(opened.status === "fulfilled");
      if (opened.status === "rejected") continue;
      await b.call("remove", "y");
      await a.call("removeNetwork", "n");
    }
    await b.call("share");
  });
});

test("a host that dies in the middle of an attach or a detach leaves nothing, here or there", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, b, x } = await pair(segment);
    await b.call("open", { name: "z" });
    await b.call("dieAt", "attach");
    await expect(b.call("connect", "z", { network: "n", ip: "10.0.0.99" })).rejects.toThrow("has ended");
    await b.start();
    await b.call("share");
    await a.call("share");
    expect(await remotesOn(a, "n")).toEqual(["y"]);
    expect(await reaches(b, "y", x)).toBe(true);

    await b.call("connect", "z", { network: "n", ip: "10.0.0.99" });
    await b.call("dieAt", "detach");
    await expect(b.call("disconnect", "z", "n")).rejects.toThrow("has ended");
    await b.start();
    await b.call("share");
    await a.call("share");
    expect(await remotesOn(a, "n")).toEqual(["y"]);
    await a.call("open", { name: "w", networks: [{ network: "n", ip: "10.0.0.99" }] });
    await a.call("remove", "w");
    await b.call("remove", "z");
    await removeAll(segment);
  });
});

test("a command whose host has lost its lease has an agent take another, and tell of all that there is", async () => {
  await onSharingHosts(
    2,
    async (segment) => {
      const { a, b, x } = await pair(segment);
      await b.call("stopAgent");
      await vi.waitFor(async () => expect(await remotesOn(a, "n")).toEqual([]), { timeout: 20_000, interval: 100 });
      expect(await a.call("hosts")).toMatchObject([
        { name: "h1", state: "up" },
        { name: "h2", state: "down", since: expect.any(String), vtep: "192.0.2.2", endpoints: 0 },
      ]);
      const missed = async (): Promise<unknown> => (await a.call("checkPeers"))[0]?.faults;
      expect(await missed()).toMatchObject([
        { test: "host", message: expect.stringMatching(/^host 'h2', at 192\.0\.2\.2, is down since 2/) as unknown },
      ]);
      await b.call("open", { name: "w", networks: ["n"] });
      await a.call("share");
      expect(await missed()).toEqual([]);
      expect((await a.call("hosts")).map(({ name, state }) => [name, state])).toEqual([
        ["h1", "up"],
        ["h2", "up"],
      ]);
      expect(await remotesOn(a, "n")).toEqual(["w", "y"]);
      for (const sandbox of ["w", "y"]) expect(await reaches(b, sandbox, x)).toBe(true);
      await b.call("remove", "w");
      await removeAll(segment);
    },
    { leaseMs: 2_000 },
  );
});

test("of two that have one address, as one's host was thought dead, each knows the other once one has let go of it", async () => {
  await onSharingHosts(
    2,
    async (segment) => {
      const { a, b, x, y } = await pair(segment);
      await b.kill();
      await vi.waitFor(async () => expect(await remotesOn(a, "n")).toEqual([]), { timeout: 20_000, interval: 100 });
      await a.call("open", { name: "z", networks: [{ network: "n", ip: y }] });
      await b.start();
      await b.call("share");
      const conflict = `the address ${y} of sandbox 'y' is in use by sandbox 'z' on host 'h1' since this host was away`;
      expect(await b.call("sharing")).toMatchObject({ troubles: [{ code: "ADDRESS_TAKEN", message: conflict }] });
      expect(await b.call("findings")).toEqual([conflict]);
      await b.call("disconnect", "y", "n");
      expect(await b.call("findings")).toEqual([]);
      await b.call("connect", "y", { network: "n" });
      await b.call("share");
      await a.call("share");
      expect(await remotesOn(b, "n")).toEqual(["x", "z"]);
      for (const address of [x, y]) expect(await reaches(b, "y", address)).toBe(true);
      expect(await b.call("sharing")).toEqual({ holdsLease: true, troubles: [] });
      expect(await b.call("complaints")).toEqual([conflict]);
      await a.call("remove", "z");
      await removeAll(segment);
    },
    { leaseMs: 2_000 },
  );
});

test("a host that loses the address that it advertises is told so, and its tunnels move to another one that it gets", async () => {
  await onSharingHosts(
    2,
    async (segment) => {
      const [a, b] = hostsOf(segment);
      await b.host.shell("ip address add 192.0.2.22/25 dev up0; ip address delete 192.0.2.2/24 dev up0");
      await vi.waitFor(
        async () => expect((await a.call("hosts")).map(({ vtep }) => vtep)).toEqual(["192.0.2.1", "192.0.2.22"]),
        { timeout: 20_000, interval: 100 },
      );
      const { x, y } = await pair(segment);
      expect(await reaches(a, "x", y)).toBe(true);
      await b.host.shell("ip address delete 192.0.2.22/25 dev up0");
      const lost = "no address is on the link 'up0' that others could be told of";
      await vi.waitFor(async () => expect(await b.call("sharing")).toMatchObject({ troubles: [{ message: lost }] }), {
        timeout: 20_000,
        interval: 100,
      });
      expect(await b.call("findings")).toEqual([
        expect.stringMatching(/^no link of this host has 192\.0\.2\.22, where its tunnels of network 'n' end/),
        lost,
      ]);
      await b.host.shell("ip address add 192.0.2.33/25 dev up0");
      await vi.waitFor(
        async () => {
          expect(await b.call("sharing")).toMatchObject({ troubles: [] });
          const { remotes } = await a.call("inspect", "n");
          expect(new Set(remotes.map(({ vtep }) => vtep))).toEqual(new Set(["192.0.2.33"]));
        },
        { timeout: 20_000, interval: 100 },
      );
      expect(await reaches(b, "y", x)).toBe(true);
      expect(await reaches(a, "x", "y")).toBe(true);
      expect((await a.call("hosts")).map(({ vtep }) => vtep)).toEqual(["192.0.2.1", "192.0.2.33"]);
      for (const host of [a, b]) expect(await host.call("findings")).toEqual([]);
      expect(await b.call("complaints")).toEqual([lost]);
      await removeAll(segment);
      await b.host.shell("ip address add 192.0.2.2/24 dev up0; ip address delete 192.0.2.33/25 dev up0");
    },
    { leaseMs: 2_000 },
  );
});

test("nobody notices that an agent is restarted", async () => {
  const leaseMs = 2_000;
  await onSharingHosts(
    2,
    async (segment) => {
      const { a, b } = await pair(segment);
      await b.call("stopAgent");
      await b.call("startAgent");
      await b.call("share");
      // By then the lease of the agent before has ended.
      for (const start = performance.now(); performance.now() < start + 2 * leaseMs;)
        expect(await remotesOn(a, "n")).toEqual(["y"]);
      await removeAll(segment);
    },
    { leaseMs },
  );
});

test("where a host has a network of its own of a name, that is what the name means there, as long as it is there", async () => {
  await onSharingHosts(2, async (segment) => {
    const [a, b] = hostsOf(segment);
    await b.call("create", { name: "n" });
    const { id } = await a.call("create", { name: "n", driver: "overlay" });
    await b.call("share");
    expect((await b.call("networks")).filter((name) => name === "n")).toHaveLength(2);
    expect(await b.call("inspect", "n")).toMatchObject({ driver: "bridge" });
    expect(await b.call("inspect", id)).toMatchObject({ driver: "overlay" });
    await b.call("removeNetwork", "n");
    await b.call("share");
    expect(await b.call("inspect", "n")).toMatchObject({ id });
    await a.call("removeNetwork", "n");
    await b.call("share");
  });
});

describe.skipIf(etcdPrograms === undefined)("with etcd", () => {
  test("without the store traffic and looking go on, attaching says what is wrong; when it is back, all is made up for", async () => {
    await onSharingHosts(
      2,
      async (segment) => {
        const { server } = segment;
        const { a, b, x, y } = await pair(segment);
        await a.call("open", { name: "z", networks: ["n"] });
        await b.call("share");
        expect(await remotesOn(b, "n")).toEqual(["x", "z"]);
        await server?.stop("SIGKILL");
        expect(await reaches(a, "x", y)).toBe(true);
        expect(await reaches(a, "x", "y")).toBe(true);
        expect(await a.call("networks")).toContain("n");
        await expect(a.call("open", { name: "v", networks: ["n"] })).rejects.toMatchObject({
          code: "STORE_UNAVAILABLE",
          message: expect.stringContaining(serverAddress) as unknown,
        });
        await a.call("remove", "z");
        await vi.waitFor(
          async () => {
            const state = await a.call("sharing");
            expect(state?.away?.message).toContain(serverAddress);
            expect(state?.holdsLease).toBe(false);
          },
          { timeout: 20_000, interval: 100 },
        );
        expect((await a.call("hosts")).map(({ name, state, since }) => [name, state, since])).toEqual([
          ["h1", "down", expect.stringMatching(/^2/)],
          ["h2", "up", undefined],
        ]);
        expect(await a.call("findings")).toEqual([
          expect.stringMatching(/^the store that hosts share is away since 2/),
        ]);
        await a.call("complaints");
        await segment.startServer();
        for (const host of [a, b, a, b]) await host.call("share");
        expect(await a.call("sharing")).toEqual({ holdsLease: true, troubles: [] });
        expect(await remotesOn(b, "n")).toEqual(["x"]);
        expect(await reaches(b, "y", x)).toBe(true);
        await a.call("open", { name: "v", networks: ["n"] });
        await b.call("share");
        expect(await remotesOn(b, "n")).toEqual(["v", "x"]);
        await a.call("remove", "v");
        for (const host of [a, b]) await host.call("complaints");
        await removeAll(segment);
      },
      { store: "etcd", leaseMs: 3_000 },
    );
  });

  test("who removes a network that a host was on when it went down is warned that it comes back with that", async () => {
    await onSharingHosts(
      2,
      async (segment) => {
        const { a, b } = await pair(segment);
        await a.call("remove", "x");
        await b.kill();
        await vi.waitFor(async () => expect((await a.call("hosts"))[1]?.state).toBe("down"), {
          timeout: 20_000,
          interval: 100,
        });
        await a.call("removeNetwork", "n");
        expect(await a.call("networks")).not.toContain("n");
        expect(await a.call("complaints")).toEqual([
          expect.stringMatching(
            /^warning: host 'h2' is down since 2\S+Z, and was on network 'n' then: the network comes back with it$/,
          ),
        ]);
        await b.start();
        await vi.waitFor(async () => expect(await a.call("networks")).toContain("n"), {
          timeout: 20_000,
          interval: 100,
        });
        await b.call("remove", "y");
        await a.call("share");
        await a.call("removeNetwork", "n");
        await b.call("share");
        expect(await a.call("complaints")).toEqual([]);
      },
      { store: "etcd", leaseMs: 2_000 },
    );
  });

  test("a command warns of a sandbox that another host has under the same name", async () => {
    await onSharingHosts(
      2,
      async (segment) => {
        const { a } = await pair(segment);
        await a.call("open", { name: "y" });
        // What an agent of the command line would have remembered.
        writeFileSync(join(a.root, "shared.json"), JSON.stringify({ url: urls.etcd, advertise: "up0" }));
        const bin = join(import.meta.dirname, "..", "src", "bin.ts");
        const connect = async (sandbox: string): Promise<string> =>
          await a.host.shell(`${process.execPath} ${bin} --root ${a.root} network connect n ${sandbox} 2>&1`);
        expect(await connect("y")).toMatch(
          /^warning: host h2 has a sandbox of this name on network 'n', too: the name leads to both\nhint: +Give one of them/,
        );
        await a.call("open", { name: "other" });
        expect(await connect("other")).toBe("");
        for (const sandbox of ["y", "other"]) await a.call("remove", sandbox);
        await removeAll(segment);
      },
      { store: "etcd" },
    );
  });
});
