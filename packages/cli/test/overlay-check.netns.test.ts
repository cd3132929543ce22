import { join } from "node:path";
import type { NetworkCheck } from "@netkit/engine";
import { etcdPrograms } from "@netkit/testing";
import { expect, test, vi } from "vitest";
import { onSharingHosts, type Segment, type SharingHost } from "./sharing-hosts.ts";

const bin = join(import.meta.dirname, "..", "src", "bin.ts");

/** Two hosts with a sandbox each on one network of both families, and what takes all of it away again. */
async function pair({ hosts: [a, b] }: Segment): Promise<{ a: SharingHost; b: SharingHost; end: () => Promise<void> }> {
  if (a === undefined || b === undefined) throw new Error("there are two hosts");
  await a.call("create", { name: "n", driver: "overlay", ipv6: true });
  for (const host of [a, b]) {
    await host.call("share");
    await host.call("open", { name: `s-${host.name}`, networks: ["n"] });
  }
  await a.call("share");
  const end = async (): Promise<void> => {
    for (const host of [a, b]) await host.call("remove", `s-${host.name}`);
    for (const host of [a, b]) await host.call("share");
    await a.call("removeNetwork", "n");
    await b.call("share");
  };
  return { a, b, end };
}

/** What the first network's one peer came to, with all faults by their test. */
async function outcome(host: SharingHost): Promise<Record<string, unknown>> {
  const [check] = (await host.call("checkPeers")) as [NetworkCheck];
  const [peer] = check.peers;
  if (peer === undefined) throw new Error("there is a peer");
  const { entries, underlay, tunnel, path, faults } = peer;
  const states = [entries, underlay, tunnel, path].map((one) => one.state);
  return { states, faults: [...check.faults, ...faults].map(({ test: what, message }) => `${what}: ${message}`) };
}

const well = { states: ["passed", "passed", "passed", "passed"], faults: [] };

async function linkOf(host: SharingHost, type: "vxlan" | "bridge"): Promise<string> {
  const links = JSON.parse(await host.host.shell(`ip -j link show type ${type}`)) as { ifname: string }[];
  return links[0]?.ifname ?? "";
}

test("every peer is tested, and what is wrong with the way to it is named", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, b, end } = await pair(segment);
    expect(await outcome(a)).toEqual(well);
    const [check] = await a.call("checkPeers");
    expect(check).toMatchObject({
      isHere: true,
      vtep: "192.0.2.1",
      mtu: 1450,
      peers: [{ host: { name: "h2", vtep: "192.0.2.2" }, mtu: 1450 }],
    });
    expect(check?.peers[0]?.addresses).toHaveLength(2);

    // This host's own entries.
    const vxlan = await linkOf(a, "vxlan");
    const [entry = ""] = (await a.host.shell(`bridge fdb show dev ${vxlan} | grep dst`)).split("\n");
    await a.host.shell(`bridge fdb delete ${entry.split(" ")[0]} dev ${vxlan} dst 192.0.2.2 self`);
    expect(await outcome(a)).toMatchObject({
      states: ["failed", "passed", expect.any(String), expect.any(String)],
      faults: expect.arrayContaining([expect.stringMatching(/^entries: fdb .* is missing$/)]) as unknown,
    });
    await a.call("findings", true);
    expect(await outcome(a)).toEqual(well);

    // Tunnels that nothing comes through, though the other host is there.
    await b.host.shell("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }'");
    await b.host.shell("nft add rule inet cut in udp dport 4789 drop");
    expect(await outcome(a)).toEqual({
      states: ["passed", "passed", "failed", "skipped"],
      faults: [expect.stringMatching(/^tunnel: host 'h2' answers at 192\.0\.2\.2, but not in the network, at 10\./)],
    });
    await b.host.shell("nft delete table inet cut");

    // One that answers no pings on the underlay is reached all the same.
    await b.host.shell("nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }'");
    await b.host.shell("nft add rule inet cut in iifname up0 icmp type echo-request drop");
    expect(await outcome(a)).toEqual({ states: ["passed", "skipped", "passed", "passed"], faults: [] });
    await b.host.shell("nft delete table inet cut");

    // A way that takes no full packets.
    await segment.wire.shell("ip link set w1 mtu 1450");
    expect(await outcome(b)).toEqual({
      states: ["passed", "passed", "passed", "failed"],
      faults: [
        expect.stringMatching(/^mtu: packets of 1450 bytes, the network's MTU, don't get to host 'h1' and back/),
      ],
    });
    await segment.wire.shell("ip link set w1 mtu 1500");

    await segment.wire.shell("ip link set w2 down");
    expect(await outcome(a)).toEqual({
      states: ["passed", "failed", "failed", "skipped"],
      faults: [expect.stringMatching(/^underlay: host 'h2' doesn't answer at 192\.0\.2\.2, where its tunnels end/)],
    });
    await segment.wire.shell("ip link set w2 up");
    expect(await outcome(a)).toEqual(well);
    await end();
  });
});

test("what is wrong with this host's own part is named: its link, its VNI, the address that tunnels end at", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, end } = await pair(segment);
    const vxlan = await linkOf(a, "vxlan");
    await a.host.shell(
      `ip link delete ${vxlan}\nip link add ${vxlan} type vxlan id 5 dstport 4790 local 192.0.2.1\nip link set ${vxlan} up`,
    );
    const { faults } = await outcome(a);
    expect(faults).toEqual(
      expect.arrayContaining([expect.stringMatching(/^device: vxlan .*vni is 5, not \d+.*port is 4790, not 4789/)]),
    );
    await a.host.shell(`ip link set ${vxlan} down`);
    expect((await a.call("checkPeers"))[0]?.peers[0]?.faults.map(({ hint }) => hint)).toContain(
      "Mend this host's own links first: netkit doctor --repair",
    );
    await a.host.shell(`ip link delete ${vxlan}`);
    await a.call("findings", true);
    expect(await outcome(a)).toEqual(well);

    await a.host.shell("ip address delete 192.0.2.1/24 dev up0");
    expect((await outcome(a))["faults"]).toEqual(
      expect.arrayContaining([
        "address: no link of this host has 192.0.2.1, where its tunnels of network 'n' end: nothing gets to other hosts or from them",
      ]),
    );
    await a.host.shell("ip address add 192.0.2.1/24 dev up0");
    expect(await outcome(a)).toEqual(well);
    // Its agent may have looked meanwhile.
    await a.call("share");
    await a.call("complaints");
    await end();
  });
});

test("rules of this host's own that drop its tunnels are named, by doctor and by overlay check, with what lets them through", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, end } = await pair(segment);
    const nft = async (chain: string, hook: string, rules: string): Promise<string> =>
      await a.host.shell(
        `nft -f - <<'EOF'\ntable inet x { chain ${chain} { type filter hook ${hook} priority 0; ${rules} }; }\nEOF`,
      );
    const tracked =
      "policy drop; ct state established,related accept; meta l4proto { icmp, ipv6-icmp } accept; iif lo accept;";
    const cases: [set: () => Promise<string>, rule: string, direction: string, remedy: string][] = [
      [
        async () => await nft("i", "input", "udp dport 4789 drop;"),
        "rule 'handle 2' in chain i of table inet x (nftables)",
        "from",
        'nft insert rule inet x i iifname "up0" udp dport 4789 accept',
      ],
      [
        async () => await nft("i", "input", tracked),
        "policy drop in chain i of table inet x (nftables)",
        "from",
        'nft insert rule inet x i iifname "up0" udp dport 4789 accept',
      ],
      [
        async () => await nft("o", "output", "ip daddr 192.0.2.2 udp dport 4789 drop;"),
        "rule 'handle 2' in chain o of table inet x (nftables)",
        "to",
        'nft insert rule inet x o oifname "up0" udp dport 4789 accept',
      ],
      [
        async () => await a.host.shell("iptables -A INPUT -p udp --dport 4789 -j DROP"),
        "rule '-p udp -m udp --dport 4789 -j DROP' in chain INPUT of table filter (iptables)",
        "from",
        "iptables -I INPUT -i up0 -p udp --dport 4789 -j ACCEPT",
      ],
    ];
    for (const [set, rule, direction, remedy] of cases) {
      await set();
      const message = `${rule} drops traffic of network 'n' (IPv4): tunnels ${direction} other hosts`;
      expect(await a.call("findings")).toEqual([message]);
      const [check] = await a.call("checkPeers");
      expect(check).toMatchObject({
        faults: [{ test: "firewall", message, hint: remedy }],
        peers: [
          { faults: [{ test: "tunnel", hint: expect.stringContaining("this host's own rules first") as string }] },
        ],
      });
      await a.host.shell(remedy);
      expect(await outcome(a)).toEqual(well);
      expect(await a.call("findings")).toEqual([]);
      await a.host.shell("nft delete table inet x || nft delete table ip filter");
    }
    await nft("i", "input", `${tracked} ip saddr { 192.0.2.2, 192.0.2.3 } udp dport 4789 accept;`);
    expect(await outcome(a)).toEqual(well);
    expect(await a.call("findings")).toEqual([]);
    await a.host.shell("nft delete table inet x");
    await end();
  });
});

test("a host whose underlay takes smaller packets is told by its record", async () => {
  await onSharingHosts(2, async (segment) => {
    const [, other] = segment.hosts;
    await other?.host.shell("ip link set up0 mtu 1400");
    await other?.call("stopAgent");
    await other?.call("startAgent");
    const { a, b, end } = await pair(segment);
    const message =
      "the MTU of network 'n' is 1350 on host 'h2' and 1450 here, so that larger packets are lost on the way to it";
    expect(await outcome(a)).toEqual({ states: ["passed", "passed", "passed", "failed"], faults: [`mtu: ${message}`] });
    expect((await outcome(b))["states"]).toEqual(["passed", "passed", "passed", "failed"]);
    await end();
    await other?.host.shell("ip link set up0 mtu 1500");
  });
});

test.skipIf(etcdPrograms === undefined)(
  "a changed MTU of the underlay counts for new networks, is told to other hosts, and is complained of while a network is too large for it",
  async () => {
    await onSharingHosts(
      2,
      async (segment) => {
        const { a, b, end } = await pair(segment);
        const mtuIn = async (sandbox: string): Promise<string | undefined> =>
          await a.call("attempt", sandbox, "cat /sys/class/net/eth0/mtu");
        const told = async (mtu: number, ...troubles: string[]): Promise<void> =>
          await vi.waitFor(
            async () => {
              expect(await a.call("sharing")).toMatchObject({ troubles: troubles.map((message) => ({ message })) });
              expect((await b.call("hosts")).map((host) => host.mtu)).toEqual([1500, mtu]);
            },
            { timeout: 20_000, interval: 100 },
          );

        // Nobody has told the agent.
        await a.host.shell("ip link set up0 mtu 1400");
        await expect(a.call("create", { name: "large", driver: "overlay", options: { mtu: "1450" } })).rejects.toThrow(
          "network 'large' can't have an MTU of 1450",
        );
        const narrow =
          "the link 'up0' of this host, which has 192.0.2.1, has an MTU of 1400 now: network 'n' has 1450 here, and packets larger than 1350 are lost";
        expect(await outcome(a)).toEqual({
          states: ["passed", "passed", "passed", "failed"],
          faults: [
            `mtu: ${narrow}`,
            expect.stringMatching(/^mtu: packets of 1450 bytes, .* this host itself sends none/),
          ],
        });
        const [check] = await a.call("checkPeers");
        expect(check?.peers[0]?.faults[0]?.hint).toBe(
          `${narrow}. Give the link its MTU back (ip link set dev up0 mtu 1500), or make the network anew with what fits (-o mtu=1350).`,
        );
        expect(await a.call("findings")).toEqual([narrow]);
        await told(1400, narrow);
        expect(await a.call("findings")).toEqual([narrow]);
        expect(await a.call("complaints")).toEqual([narrow]);
        expect(await outcome(b)).toMatchObject({
          faults: [expect.stringMatching(/^mtu: the MTU of network 'n' is 1350 on host 'h1' and 1450 here/)],
        });

        await a.call("create", { name: "new", driver: "overlay" });
        await a.call("open", { name: "t", networks: ["new"] });
        expect([await mtuIn("t"), await mtuIn("s-h1")]).toEqual(["1350", "1450"]);
        await b.call("share");
        await b.call("open", { name: "u", networks: ["new"] });

        // What a network has it keeps, and others know that.
        await a.host.shell("ip link set up0 mtu 1500");
        await told(1500);
        expect(await a.call("findings")).toEqual([]);
        expect(await outcome(a)).toEqual(well);
        await b.call("share");
        const checks = await b.call("checkPeers");
        expect(checks.find(({ network }) => network.name === "new")?.peers[0]?.mtu).toBe(1350);
        await a.call("remove", "t");
        await a.call("open", { name: "t", networks: ["new"] });
        expect(await mtuIn("t")).toBe("1450");

        // An agent that starts looks, too.
        await a.call("stopAgent");
        await a.host.shell("ip link set up0 mtu 1450");
        await a.call("startAgent");
        await vi.waitFor(async () => expect((await b.call("hosts"))[1]?.mtu).toBe(1450), {
          timeout: 20_000,
          interval: 100,
        });
        await a.host.shell("ip link set up0 mtu 1500");
        await told(1500);
        await a.call("complaints");
        await a.call("remove", "t");
        await b.call("remove", "u");
        for (const host of [a, b]) await host.call("share");
        await a.call("removeNetwork", "new");
        await end();
      },
      { store: "etcd", leaseMs: 3_000 },
    );
  },
);

test("netkit overlay check prints a table and what is wrong, as its exit status says", async () => {
  await onSharingHosts(2, async (segment) => {
    const { a, b, end } = await pair(segment);
    const check = async (...words: string[]): Promise<string> =>
      await a.host.shell(
        `${process.execPath} ${bin} --root ${a.root} overlay check ${words.join(" ")} && echo status 0 || echo status $?`,
      );
    const lines = (await check()).split("\n");
    expect(lines[0]?.split(/ {2,}/)).toEqual([
      "NETWORK",
      "PEER",
      "VTEP",
      "ADDRESS",
      "ENTRIES",
      "UNDERLAY",
      "TUNNEL",
      "MTU",
      "STATE",
    ]);
    expect(lines[1]).toMatch(/^n +h2 +192\.0\.2\.2 +10\.\S+,fd\S+ +ok +\d+\.\d ms +\d+\.\d ms +1450 +ok$/);
    expect(lines.slice(2)).toEqual(["1 peer on 1 network tested: all is well", "status 0"]);
    await segment.wire.shell("ip link set w2 down");
    const failed = await check("n", "--timeout", "1s");
    expect(failed).toMatch(/^n +h2 +.*failed\nhost h2 on network n\n {2}underlay +host 'h2' doesn't answer/m);
    expect(failed).toMatch(/1 peer on 1 network tested: 1 problem\nstatus 1$/);
    expect(await check("--timeout 1s --format '{{.Network}} {{.Peer}} {{.State}}: {{.Faults}}'")).toMatch(
      /^n h2 failed: host 'h2' doesn't answer at 192\.0\.2\.2, where its tunnels end\S*\nstatus 1$/,
    );
    await segment.wire.shell("ip link set w2 up");
    expect(JSON.parse((await check("--json")).replace(/status 0$/, ""))).toMatchObject([
      { network: { name: "n" }, faults: [] },
    ]);
    await b.call("create", { name: "own" });
    expect(await b.host.shell(`${process.execPath} ${bin} --root ${b.root} overlay check own 2>&1 || true`)).toContain(
      "network 'own' is of this host alone: it has no peers",
    );
    const netkit = `${process.execPath} ${bin} --root ${b.root}`;
    expect(await b.host.shell(`${netkit} __complete overlay check ''`)).toBe("n\toverlay");
    expect(await b.host.shell(`${netkit} overlay check --help`)).toContain("0 success, 1 something is wrong, ");
    await b.call("removeNetwork", "own");
    await end();
  });
});
