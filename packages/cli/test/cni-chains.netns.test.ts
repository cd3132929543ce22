import { join } from "node:path";
import { referencePlugin } from "@netkit/testing";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CniRuntime, port, reaction, withResult, type CniOutcome, type CniRequest, type Given } from "./cni-runtime.ts";
import { contents, inside, reaches } from "./containers.ts";
import { onHosts, type Host } from "./host.ts";

let machine: Host;
let runtime: CniRuntime;
onHosts((host) => (machine = host));
// Before the host's own leak check: what it is about is the host.
afterEach(() => runtime[Symbol.dispose]());

function install(...given: Given): void {
  runtime = CniRuntime.onNewNetwork(machine, ...given);
}

function ok(verb: string, request: CniRequest = {}): CniOutcome["said"] {
  return runtime.ok(verb, request);
}

/** What is on the host, but for what iptables has counted. */
function kept(): unknown {
  const traces = machine.traces();
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
    install();
    const netns = runtime.container("c1");
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
      const first = ok("ADD", { netns, more });
      const second = runtime.reference("ADD", "tuning", netns, { ...tuning, prevResult: first });
      const third = runtime.reference("ADD", "portmap", netns, { ...portmap, prevResult: second });
      const last = runtime.reference("ADD", "firewall", netns, { backend: "iptables", prevResult: third });
      expect(last).toMatchObject({ interfaces: [{}, {}, { name: "eth0", mac: tuning.mac }], ips: first.ips });
      ok("CHECK", { netns, ...withResult(last, more) });
      // That of portmap 1.1.1 wants an IPv6 chain that its own ADD doesn't make without an IPv6 address.
      runtime.reference("CHECK", "tuning", netns, { ...tuning, prevResult: last });
      expect(machine.ok("doctor")).toContain("all is well");
      expect(contents(netns)).toMatchObject({ links: [{}, { address: tuning.mac, addresses: [expect.any(String)] }] });
      expect(await reaction(machine, netns, 8080)).toBe("ok");
      runtime.reference("DEL", "firewall", netns, { backend: "iptables", prevResult: last });
      runtime.reference("DEL", "portmap", netns, { ...portmap, prevResult: last });
      runtime.reference("DEL", "tuning", netns, { ...tuning, prevResult: last });
      ok("DEL", { netns, ...withResult(last, more) });
      expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
    }
    // They leave chains of their own.
    machine.clear();
    machine.run("nft", "flush", "ruleset");
  });

  test.each(["nftables", "iptables"])(
    "the reference bridge before ours, with %s: its container has names and ports of netkit's, and is left as it is",
    async (firewall) => {
      install({ agent: true }, "--firewall", firewall);
      machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
      const netns = runtime.container("c1");
      const ipam = {
        type: "host-local",
        ranges: [[{ subnet: "10.99.0.0/24" }], [{ subnet: "fd00:99::/64" }]],
        dataDir: join(machine.root, "leases"),
      };
      const bridge = { bridge: "nkcnitheirs", isGateway: true, isDefaultGateway: true, ipam };
      const theirs = runtime.reference("ADD", "bridge", netns, bridge);
      // It sees first whether anybody else has the gateway's address (RFC 4862).
      await vi.waitFor(() => expect(reaches(netns, "fd00:99::1")).toBe(true), 10_000);
      const [before, made] = [kept(), contents(netns)];
      const wishes = { ...port(8080), prevResult: theirs, cniVersion: "1.0.0" };
      for (const round of [1, 2]) {
        const result = ok("ADD", { netns, args: "IgnoreUnknown=1;K8S_POD_NAME=web", more: wishes });
        expect(result, `round ${round}`).toEqual({ ...theirs, dns: { nameservers: ["127.0.0.11"] } });
        expect(contents(netns)).toEqual(made);
        for (const name of ["web", "c1"]) machine.ok("exec", "plain", "--", "ping", "-c", "1", "-W", "2", "-q", name);
        expect(resolved(netns, "plain")).toBe("10.7.0.2");
        expect(machine.ok("port", "ls", "c1")).toContain("80/tcp -> 0.0.0.0:8080\n");
        for (const address of ["127.0.0.1", "10.99.0.1", "fd00:99::1"])
          expect(await reaction(machine, netns, 8080, address)).toBe("ok");
        expect(runtime.call("ADD", { netns, more: { ...wishes, ...port(8081) } })).toMatchObject({
          said: { code: 104 },
        });
        ok("CHECK", { netns, ...withResult(result, { cniVersion: "1.0.0" }) });
        expect(machine.ok("doctor")).toContain("all is well");
        machine.run("nft", "flush", "ruleset");
        expect(runtime.call("CHECK", { netns, ...withResult(result) })).toMatchObject({ said: { code: 109 } });
        machine.ok("doctor", "--repair");
        ok("DEL", { netns, ...withResult(result) });
        expect(contents(netns)).toEqual(made);
        expect(kept()).toEqual(before);
      }
      ok("ADD", { netns, more: wishes });
      ok("GC", { more: { "cni.dev/valid-attachments": [] } });
      expect(kept()).toEqual(before);
      runtime.reference("DEL", "bridge", netns, { ...bridge, prevResult: theirs });
      machine.run("ip", "link", "del", "nkcnitheirs");
      machine.clear();
      // Chains of the system's own that iptables has made.
      machine.run("nft", "flush", "ruleset");
    },
  );

  test("the reference ptp before ours: ports lead to its pair, and what a container leaves that died is removed", async () => {
    install();
    const netns = runtime.container("c1");
    const ipam = {
      type: "host-local",
      ranges: [[{ subnet: "10.99.0.0/24" }]],
      routes: [{ dst: "0.0.0.0/0" }],
      dataDir: join(machine.root, "leases"),
    };
    const before = machine.traces();
    const theirs = runtime.reference("ADD", "ptp", netns, { ipam });
    const more = { ...port(8080), prevResult: theirs };
    const result = ok("ADD", { netns, more });
    expect(await reaction(machine, netns, 8080, "127.0.0.1")).toBe("ok");
    // The pair goes with it.
    runtime.kill(netns);
    expect(machine.netkit(["doctor"])).toMatchObject({ status: 9 });
    for (const _ of [1, 2]) ok("DEL", withResult(result));
    runtime.reference("DEL", "ptp", "", { ipam, prevResult: theirs });
    expect(machine.traces()).toEqual(before);
    expect(machine.ok("doctor")).toContain("all is well");
  });

  test("the reference bridge on netkit's, with netkit-ipam, before ours: both ways, and the address stays lent", async () => {
    install({ agent: true }, "-o", "name=nkcni0");
    machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
    const netns = runtime.container("c1");
    const before = machine.traces();
    const bridge = { bridge: "nkcni0", hairpinMode: true, ipam: { type: "netkit-ipam" } };
    for (const _ of [1, 2]) {
      const theirs = runtime.reference("ADD", "bridge", netns, bridge);
      const result = ok("ADD", { netns, more: { ...port(8080), prevResult: theirs } });
      const [address = ""] = result.ips?.[0]?.address.split("/") ?? [];
      expect(reaches(netns, resolved(netns, "plain"))).toBe(true);
      machine.ok("exec", "plain", "--", "ping", "-c", "1", "-W", "2", "c1");
      for (const host of ["127.0.0.1", "10.7.0.1"]) expect(await reaction(machine, netns, 8080, host)).toBe("ok");
      const lent = { Holder: "my-net/c1/eth0", IPv4Address: `${address}/24` };
      const [shown] = JSON.parse(machine.ok("network", "inspect", "my-net")) as [{ readonly Loans?: unknown }];
      expect(shown).toMatchObject({ Loans: [lent] });
      ok("DEL", { netns, ...withResult(result) });
      expect(machine.ok("network", "inspect", "my-net")).toContain(lent.Holder);
      runtime.reference("DEL", "bridge", netns, { ...bridge, prevResult: theirs });
      expect(machine.traces()).toEqual(before);
    }
  });

  test("an interface that is there already without an address, or not at all, is refused, and nothing stays", () => {
    install();
    const netns = runtime.container("c1");
    const before = machine.traces();
    const made = { name: "eth0", sandbox: netns };
    const wishes = (ips: unknown[]): CniRequest => ({ netns, more: { prevResult: { interfaces: [made], ips } } });
    expect(runtime.call("ADD", wishes([]))).toMatchObject({ said: { code: 7 } });
    const address = { address: "10.99.0.2/24", interface: 0 };
    expect(runtime.call("ADD", wishes([address]))).toMatchObject({ said: { code: 103 } });
    inside(netns, "ip", "link", "add", "eth0", "type", "bridge");
    const ports = { netns, more: { ...port(8080), ...wishes([address]).more } };
    // No link of the host leads there.
    expect(runtime.call("ADD", ports)).toMatchObject({ said: { code: 106 } });
    expect(runtime.call("ADD", wishes([{ address: "10.7.0.1/24" }]))).toMatchObject({ said: { code: 104 } });
    expect(machine.traces()).toEqual(before);
    ok("ADD", wishes([address]));
    ok("DEL", { netns });
    expect(machine.traces()).toEqual(before);
  });
});
