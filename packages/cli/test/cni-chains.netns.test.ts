import { join } from "node:path";
import { referencePlugin } from "@netkit/testing";
import { describe, expect, test, vi } from "vitest";
import { port, reaction, withResult, type CniRequest } from "./cni-runtime.ts";
import { contents, inside, reaches } from "./containers.ts";
import { onCniHosts } from "./cni-host.ts";

const cni = onCniHosts();

/** What is on the host, but for what iptables has counted. */
function kept(): unknown {
  const traces = cni.machine.traces();
  return { ...traces, rules: traces.rules.replaceAll(/packets \d+ bytes \d+/g, "") };
}

/** The IPv4 address that netkit's resolver inside a container has for a name. */
function resolved(netns: string, name: string): string {
  const resolver = 'const resolver = new (require("dns").Resolver)(); resolver.setServers(["127.0.0.11"]);';
  const script = `${resolver} resolver.resolve4("${name}", (_, found) => console.log(String(found)))`;
  return inside(netns, process.execPath, "-e", script).trim();
}

describe.skipIf(referencePlugin("portmap") === undefined)("with the reference plugins", () => {
  test("tuning, portmap and firewall behind ours: their changes are no drift, and everything goes", async () => {
    cni.install();
    const netns = cni.runtime.container("c1");
    const more = { cniVersion: "1.0.0" };
    const tuning = {
      mac: "02:00:00:00:00:88",
      mtu: 1300,
      promisc: true,
      sysctl: { "net.ipv4.conf.eth0.arp_filter": "1" },
    };
    const portmap = {
      backend: "iptables",
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
    };
    for (const _ of [1, 2]) {
      const first = cni.ok("ADD", { netns, more });
      const second = cni.runtime.reference("ADD", "tuning", netns, { ...tuning, prevResult: first });
      const third = cni.runtime.reference("ADD", "portmap", netns, { ...portmap, prevResult: second });
      const last = cni.runtime.reference("ADD", "firewall", netns, { backend: "iptables", prevResult: third });
      expect(last).toMatchObject({ interfaces: [{}, {}, { name: "eth0", mac: tuning.mac }], ips: first.ips });
      cni.ok("CHECK", { netns, ...withResult(last, more) });
      // That of portmap 1.1.1 wants an IPv6 chain that its own ADD doesn't make without an IPv6 address.
      cni.runtime.reference("CHECK", "tuning", netns, { ...tuning, prevResult: last });
      expect(cni.machine.ok("doctor")).toContain("all is well");
      expect(contents(netns)).toMatchObject({ links: [{}, { address: tuning.mac, addresses: [expect.any(String)] }] });
      expect(await reaction(cni.machine, netns, 8080)).toBe("ok");
      cni.runtime.reference("DEL", "firewall", netns, { backend: "iptables", prevResult: last });
      cni.runtime.reference("DEL", "portmap", netns, { ...portmap, prevResult: last });
      cni.runtime.reference("DEL", "tuning", netns, { ...tuning, prevResult: last });
      cni.ok("DEL", { netns, ...withResult(last, more) });
      expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
    }
    // They leave chains of their own.
    cni.machine.clear();
    cni.machine.run("nft", "flush", "ruleset");
  });

  test.each(["nftables", "iptables"])(
    "the reference bridge before ours, with %s: its container has names and ports of netkit's, and is left as it is",
    async (firewall) => {
      cni.install({ agent: true }, "--firewall", firewall);
      cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
      const netns = cni.runtime.container("c1");
      const ipam = {
        type: "host-local",
        ranges: [[{ subnet: "10.99.0.0/24" }], [{ subnet: "fd00:99::/64" }]],
        dataDir: join(cni.machine.root, "leases"),
      };
      const bridge = { bridge: "nkcnitheirs", isGateway: true, isDefaultGateway: true, ipam };
      const theirs = cni.runtime.reference("ADD", "bridge", netns, bridge);
      // It sees first whether anybody else has the gateway's address (RFC 4862).
      await vi.waitFor(() => expect(reaches(netns, "fd00:99::1")).toBe(true), 10_000);
      const [before, made] = [kept(), contents(netns)];
      const wishes = { ...port(8080), prevResult: theirs, cniVersion: "1.0.0" };
      for (const round of [1, 2]) {
        const result = cni.ok("ADD", { netns, args: "IgnoreUnknown=1;K8S_POD_NAME=web", more: wishes });
        expect(result, `round ${round}`).toEqual({ ...theirs, dns: { nameservers: ["127.0.0.11"] } });
        expect(contents(netns)).toEqual(made);
        for (const name of ["web", "c1"])
          cni.machine.ok("exec", "plain", "--", "ping", "-c", "1", "-W", "2", "-q", name);
        expect(resolved(netns, "plain")).toBe("10.7.0.2");
        expect(cni.machine.ok("port", "ls", "c1")).toContain("80/tcp -> 0.0.0.0:8080\n");
        for (const address of ["127.0.0.1", "10.99.0.1", "fd00:99::1"])
          expect(await reaction(cni.machine, netns, 8080, address)).toBe("ok");
        expect(cni.runtime.call("ADD", { netns, more: { ...wishes, ...port(8081) } })).toMatchObject({
          said: { code: 104 },
        });
        cni.ok("CHECK", { netns, ...withResult(result, { cniVersion: "1.0.0" }) });
        expect(cni.machine.ok("doctor")).toContain("all is well");
        cni.machine.run("nft", "flush", "ruleset");
        expect(cni.runtime.call("CHECK", { netns, ...withResult(result) })).toMatchObject({ said: { code: 109 } });
        cni.machine.ok("doctor", "--repair");
        cni.ok("DEL", { netns, ...withResult(result) });
        expect(contents(netns)).toEqual(made);
        expect(kept()).toEqual(before);
      }
      cni.ok("ADD", { netns, more: wishes });
      cni.ok("GC", { more: { "cni.dev/valid-attachments": [] } });
      expect(kept()).toEqual(before);
      cni.runtime.reference("DEL", "bridge", netns, { ...bridge, prevResult: theirs });
      cni.machine.run("ip", "link", "del", "nkcnitheirs");
      cni.machine.clear();
      // Chains of the system's own that iptables has made.
      cni.machine.run("nft", "flush", "ruleset");
    },
  );

  test("the reference ptp before ours: ports lead to its pair, and what a container leaves that died is removed", async () => {
    cni.install();
    const netns = cni.runtime.container("c1");
    const ipam = {
      type: "host-local",
      ranges: [[{ subnet: "10.99.0.0/24" }]],
      routes: [{ dst: "0.0.0.0/0" }],
      dataDir: join(cni.machine.root, "leases"),
    };
    const before = cni.machine.traces();
    const theirs = cni.runtime.reference("ADD", "ptp", netns, { ipam });
    const more = { ...port(8080), prevResult: theirs };
    const result = cni.ok("ADD", { netns, more });
    expect(await reaction(cni.machine, netns, 8080, "127.0.0.1")).toBe("ok");
    // The pair goes with it.
    cni.runtime.kill(netns);
    expect(cni.machine.netkit(["doctor"])).toMatchObject({ status: 9 });
    for (const _ of [1, 2]) cni.ok("DEL", withResult(result));
    cni.runtime.reference("DEL", "ptp", "", { ipam, prevResult: theirs });
    expect(cni.machine.traces()).toEqual(before);
    expect(cni.machine.ok("doctor")).toContain("all is well");
  });

  test("the reference bridge on netkit's, with netkit-ipam, before ours: both ways, and the address stays lent", async () => {
    cni.install({ agent: true }, "-o", "name=nkcni0");
    cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
    const netns = cni.runtime.container("c1");
    const before = cni.machine.traces();
    const bridge = { bridge: "nkcni0", hairpinMode: true, ipam: { type: "netkit-ipam" } };
    for (const _ of [1, 2]) {
      const theirs = cni.runtime.reference("ADD", "bridge", netns, bridge);
      const result = cni.ok("ADD", { netns, more: { ...port(8080), prevResult: theirs } });
      const [address = ""] = result.ips?.[0]?.address.split("/") ?? [];
      expect(reaches(netns, resolved(netns, "plain"))).toBe(true);
      cni.machine.ok("exec", "plain", "--", "ping", "-c", "1", "-W", "2", "c1");
      for (const host of ["127.0.0.1", "10.7.0.1"]) expect(await reaction(cni.machine, netns, 8080, host)).toBe("ok");
      const lent = { Holder: "my-net/c1/eth0", IPv4Address: `${address}/24` };
      const [shown] = JSON.parse(cni.machine.ok("network", "inspect", "my-net")) as [{ readonly Loans?: unknown }];
      expect(shown).toMatchObject({ Loans: [lent] });
      cni.ok("DEL", { netns, ...withResult(result) });
      expect(cni.machine.ok("network", "inspect", "my-net")).toContain(lent.Holder);
      cni.runtime.reference("DEL", "bridge", netns, { ...bridge, prevResult: theirs });
      expect(cni.machine.traces()).toEqual(before);
    }
  });

  test("an interface that is there already without an address, or not at all, is refused, and nothing stays", () => {
    cni.install();
    const netns = cni.runtime.container("c1");
    const before = cni.machine.traces();
    const made = { name: "eth0", sandbox: netns };
    const wishes = (ips: unknown[]): CniRequest => ({ netns, more: { prevResult: { interfaces: [made], ips } } });
    expect(cni.runtime.call("ADD", wishes([]))).toMatchObject({ said: { code: 7 } });
    const address = { address: "10.99.0.2/24", interface: 0 };
    expect(cni.runtime.call("ADD", wishes([address]))).toMatchObject({ said: { code: 103 } });
    inside(netns, "ip", "link", "add", "eth0", "type", "bridge");
    const ports = { netns, more: { ...port(8080), ...wishes([address]).more } };
    // No link of the host leads there.
    expect(cni.runtime.call("ADD", ports)).toMatchObject({ said: { code: 106 } });
    expect(cni.runtime.call("ADD", wishes([{ address: "10.7.0.1/24" }]))).toMatchObject({ said: { code: 104 } });
    expect(cni.machine.traces()).toEqual(before);
    cni.ok("ADD", wishes([address]));
    cni.ok("DEL", { netns });
    expect(cni.machine.traces()).toEqual(before);
  });
});
