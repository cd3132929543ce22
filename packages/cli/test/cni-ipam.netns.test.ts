import { beforeEach, describe, expect, test } from "vitest";
import { referencePlugin } from "@netkit/testing";
import { CniRuntime, valid, withResult, type CniOutcome, type CniRequest } from "./cni-runtime.ts";
import { reaches } from "./containers.ts";
import { onCniHosts } from "./cni-host.ts";

const cni = onCniHosts();

const lent = { ipam: { type: "netkit-ipam" } };

/** An IPAM never looks at the namespace. */
const anywhere = { type: "netkit-ipam", netns: "/run/netns/any" };

function ipam(verb: string, request: CniRequest = {}): CniOutcome["said"] {
  return cni.runtime.ok(verb, { ...anywhere, ...request, more: { ...lent, ...request.more } });
}

function refusal(verb: string, request: CniRequest = {}): CniOutcome["said"] {
  return cni.runtime.call(verb, { ...anywhere, ...request, more: { ...lent, ...request.more } }).said;
}

function asking(id: string): CniRequest {
  return { ...anywhere, id, more: lent };
}

function inUse(): readonly { readonly Holder: string; readonly IPv4Address: string }[] {
  return JSON.parse(cni.machine.ok("network", "inspect", "-f", "{{json .Loans}}", "my-net")) as ReturnType<
    typeof inUse
  >;
}

describe.each([{ agent: false }, { agent: true }])("netkit-ipam, with %j", (options) => {
  beforeEach(() => {
    cni.machine.ok("network", "create", "--subnet", "10.7.0.0/24", "my-net");
    cni.runtime = new CniRuntime(cni.machine, "my-net", options);
    if (options.agent) cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  });

  test("addresses of the pool are lent once, taken back once, and used again last", () => {
    const first = ipam("ADD", { id: "one", more: { dns: { nameservers: ["192.0.2.53"] } } });
    const address = options.agent ? "10.7.0.3/24" : "10.7.0.2/24";
    expect(first).toEqual({
      cniVersion: "1.1.0",
      ips: [{ address, gateway: "10.7.0.1" }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.7.0.1" }],
      dns: { nameservers: ["192.0.2.53"] },
    });
    expect(inUse()).toMatchObject([{ Holder: "my-net/one/eth0", IPv4Address: address }]);
    expect(refusal("ADD", { id: "one" })).toMatchObject({ code: 104 });
    ipam("CHECK", { id: "one", ...withResult(first) });
    expect(refusal("CHECK", { id: "one", ...withResult({ ...first, ips: [] }) })).toMatchObject({ code: 109 });
    expect(refusal("CHECK", { id: "two", ...withResult(first) })).toMatchObject({ code: 3 });
    const [ip = ""] = address.split("/");
    const wish = { runtimeConfig: { ips: [ip] } };
    expect(refusal("ADD", { id: "two", more: wish })).toMatchObject({
      code: 104,
      msg: expect.stringContaining("my-net/one/eth0") as unknown,
    });
    expect(cni.machine.netkit(["sandbox", "create", "--name", "x", "--network", `name=my-net,ip=${ip}`])).toMatchObject(
      {
        status: 4,
      },
    );
    for (const _ of [1, 2]) ipam("DEL", { id: "one", netns: "" });
    expect(inUse()).toEqual([]);
    expect(ipam("ADD", { id: "two" }).ips?.[0]?.address).not.toBe(address);
    expect(ipam("ADD", { id: "three", more: wish }).ips?.[0]?.address).toBe(address);
    expect(cni.machine.netkit(["network", "rm", "my-net"])).toMatchObject({ status: 4 });
    for (const id of ["two", "three"]) ipam("DEL", { id });
  });

  test("GC takes back what isn't valid, of this list alone; STATUS tells of a full pool", () => {
    for (const id of ["one", "two"]) ipam("ADD", { id });
    ipam("ADD", { id: "theirs", more: { name: "other-list", ipam: { type: "netkit-ipam", network: "my-net" } } });
    ipam("GC", { more: { "cni.dev/valid-attachments": valid("two") } });
    expect(inUse().map(({ Holder }) => Holder)).toEqual(["my-net/two/eth0", "other-list/theirs/eth0"]);
    ipam("STATUS");
    cni.machine.ok("network", "create", "--subnet", "10.8.0.0/30", "small");
    const small = { more: { ipam: { type: "netkit-ipam", network: "small" } } };
    ipam("ADD", { id: "last", ...small });
    expect(refusal("STATUS", small)).toMatchObject({ code: 50 });
    expect(refusal("ADD", { id: "more", ...small })).toMatchObject({ code: 105 });
    ipam("DEL", { id: "last", ...small });
    expect(refusal("STATUS", { more: { ipam: { type: "netkit-ipam", network: "no-such" } } })).toMatchObject({
      code: 50,
    });
    for (const _ of [1, 2]) ipam("GC", { more: { "cni.dev/valid-attachments": [] } });
    ipam("GC", {
      more: { name: "other-list", ipam: { type: "netkit-ipam", network: "my-net" }, "cni.dev/valid-attachments": [] },
    });
    expect(inUse()).toEqual([]);
  });

  test("gc takes back what a container had that died without a DEL", () => {
    const netns = cni.runtime.container("died");
    const [died, lives] = [ipam("ADD", { id: "died", netns }), cni.runtime.container("lives")];
    ipam("ADD", { id: "lives", netns: lives });
    // Nobody knows where this one is.
    ipam("ADD", { id: "unknown" });
    cni.machine.ok("gc");
    expect(inUse()).toHaveLength(3);
    cni.runtime.kill(netns);
    const [address = ""] = died.ips?.[0]?.address.split("/") ?? [];
    expect(cni.machine.netkit(["network", "rm", "my-net"])).toMatchObject({
      status: 4,
      stderr: expect.stringContaining(options.agent ? "in use by 'plain'" : "netkit gc") as unknown,
    });
    expect(cni.machine.netkit(["doctor"]).stdout).toContain(
      `address ${address} of network my-net is lent to 'my-net/died/eth0', whose namespace is gone`,
    );
    expect(cni.machine.ok("gc")).toContain(address);
    expect(inUse().map(({ Holder }) => Holder)).toEqual(["my-net/lives/eth0", "my-net/unknown/eth0"]);
    expect(cni.machine.ok("doctor")).toContain("all is well");
    for (const id of ["lives", "unknown", "died"]) ipam("DEL", { id });
  });

  test("of ten at once that ask for one address, one has it", async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `c${index}`);
    const more = { ...lent, runtimeConfig: { ips: ["10.7.0.9"] } };
    const added = await Promise.all(ids.map(async (id) => await cni.runtime.start("ADD", { ...anywhere, id, more })));
    expect(added.filter(({ status }) => status === 0)).toMatchObject([{ said: { ips: [{ address: "10.7.0.9/24" }] } }]);
    expect(added.filter(({ said }) => said.code === 104)).toHaveLength(9);
    expect(inUse()).toHaveLength(1);
    for (const id of ids) ipam("DEL", { id });
    expect(inUse()).toEqual([]);
  });

  test("ten at once each get another address, and one that is killed keeps none", async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `c${index}`);
    const added = await Promise.all(ids.map(async (id) => await cni.runtime.start("ADD", asking(id))));
    expect(new Set(added.map(({ said }) => said.ips?.[0]?.address)).size).toBe(10);
    for (const afterMs of [10, 40, 80, 120, 160, 200]) await cni.runtime.start("ADD", asking("killed"), afterMs);
    for (const id of [...ids, "killed"]) ipam("DEL", { id });
    expect(inUse()).toEqual([]);
  });
});

test.skipIf(referencePlugin("bridge") === undefined)(
  "the reference bridge with netkit-ipam: its container is on netkit's bridge, beside plain sandboxes",
  () => {
    cni.machine.ok("network", "create", "--subnet", "10.7.0.0/24", "-o", "name=nkcni0", "my-net");
    cni.runtime = new CniRuntime(cni.machine, "my-net", { agent: false });
    const netns = cni.runtime.container("c1");
    cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
    const before = cni.machine.traces();
    const bridge = { bridge: "nkcni0", ipam: { type: "netkit-ipam" } };
    for (const _ of [1, 2]) {
      const result = cni.runtime.reference("ADD", "bridge", netns, bridge);
      expect(result).toMatchObject({ ips: [{ gateway: "10.7.0.1" }], routes: [{ dst: "0.0.0.0/0" }] });
      cni.runtime.reference("CHECK", "bridge", netns, { ...bridge, prevResult: result });
      expect(reaches(netns, "10.7.0.1")).toBe(true);
      expect(reaches(netns, "10.7.0.2")).toBe(true);
      cni.runtime.reference("DEL", "bridge", netns, { ...bridge, prevResult: result });
      expect(cni.machine.traces()).toEqual(before);
    }
    expect(cni.machine.ok("doctor")).toContain("all is well");
  },
);
