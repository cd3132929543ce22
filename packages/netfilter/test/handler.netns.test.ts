// The contract of a handler, kept by both backends: what is made, read, taken back and rendered. No packet is sent.
import { execFileSync, spawnSync } from "node:child_process";
import { Session } from "node:inspector/promises";
import { withNamespace } from "@netkit/netlink";
import { keyOf, type Change, type Reading, type Resource, type ResourceHandler } from "@netkit/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { firewallHandler, setNft, type Nft } from "../src/index.ts";
import { inNamespace, rulesIn, useLegacyPrograms } from "./rules.ts";
import { ip } from "./topology.ts";
import {
  creates,
  familiar,
  guard,
  isolation,
  masquerade,
  open as opened,
  publish,
  removes,
  replaces,
  sender,
  untracked,
} from "./wanted.ts";

const network = [
  isolation("br1"),
  masquerade("br1", "10.1.0.0/24", undefined, "10.1.0.0/16"),
  masquerade("br1", "fd00:1::/64", "2001:db8::5", "fd00:1::/48"),
  isolation("br2", { icc: false, internal: true }),
  isolation("br3", { ipv4: "opened", ipv6: "all", trusted: ["eth1", "eth2"] }),
  isolation("br4"),
  isolation("nkr1a2b3*", { icc: false, strict: true }),
  isolation("nkr4*", { internal: true, strict: true }),
  masquerade("nkr1a2b3*", "10.5.0.0/16"),
  familiar("br4", "10.4.0.0/16"),
  familiar("br4", "fd00:4::/48"),
  untracked("192.0.2.21", 4789),
  untracked("2001:db8::21", 8472),
];
const ports = [
  publish("tcp", "80", "10.1.0.2", "8000", "br1"),
  publish("udp", "53", "fd00:1::2", "53", "br1", "2001:db8::5"),
  publish("sctp", "9", "10.1.0.2", "9", "br1", "192.0.2.1"),
  publish("tcp", "1000-1999", "10.1.0.2", "1000-1999", "br1"),
  publish("udp", "1000-1999", "fd00:1::2", "1000-1999", "br1", "2001:db8::5"),
  publish("tcp", "3000-3005", "10.1.0.2", "4000-4005", "br1"),
  publish("tcp", "443", "10.1.0.2", "443", "br1", undefined, ["10.0.0.0/8", "192.0.2.7", "192.0.2.128/25"]),
  publish("udp", "443", "fd00:1::2", "443", "br1", "2001:db8::5", ["2001:db8::/32"]),
  publish("tcp", "5000-5999", "10.1.0.2", "5000-5999", "br1", undefined, ["0.0.0.0/0"]),
  publish("udp", "6000-6005", "10.1.0.2", "7000-7005", "br1", "192.0.2.1", ["192.0.2.0/24"]),
  publish("tcp", "81", "10.5.0.2", "8000", "nkr1a2b3*"),
  opened("tcp", "10.3.0.2", "80", "br3"),
  opened("sctp", "fd00:3::2", "80", "br3"),
  opened("udp", "10.3.0.2", "1000-1999", "br3"),
  opened("tcp", "fd00:3::2", "1000-1999", "br3"),
  opened("tcp", "10.3.0.2", "443", "br3", ["10.0.0.0/8", "192.0.2.7"]),
  opened("udp", "fd00:3::2", "2000-2999", "br3", ["2001:db8::/32", "::/1"]),
];
const all = [...network, ...ports];
const states = (readings: readonly Reading[]): string[] => readings.map(({ state }) => state);
const keys = (resources: readonly Resource[]): Set<Change["key"]> => new Set(resources.map(keyOf));

let counter = 0;

describe.each(["nftables", "nft program", "iptables", "iptables-legacy"] as const)("%s", (variant) => {
  const isNft = variant.startsWith("nft");
  let namespace: string;
  let handler: ResourceHandler;
  const cleanups: (() => void)[] = [];

  const open = (mark = "netkit"): ResourceHandler => {
    const opened = withNamespace(`/run/netns/${namespace}`, () =>
      firewallHandler({ mark, namespacePath: () => "" }, { backend: isNft ? "auto" : "iptables" }),
    );
    cleanups.push(() => opened.close());
    return opened;
  };
  const rules = (): string => rulesIn(namespace);
  /** Delete one rule of a chain behind netkit's back. */
  const meddle = (): void => {
    if (isNft) inNamespace(namespace, "nft", "flush", "chain", "inet", "netkit", "filter-forward");
    else inNamespace(namespace, "iptables", "-D", "NETKIT-FORWARD", "1");
  };
  const flush = (): void => {
    inNamespace(namespace, "nft", "flush", "ruleset");
    for (const program of ["iptables", "ip6tables"]) {
      for (const table of ["raw", "mangle", "nat", "filter"]) {
        for (const what of ["-F", "-X"]) inNamespace(namespace, program, "-t", table, what);
      }
    }
  };

  beforeEach(() => {
    namespace = `nkfh${process.pid}x${(counter += 1)}`;
    ip("netns", "add", namespace);
    cleanups.push(() => ip("netns", "delete", namespace));
    if (variant === "iptables-legacy") cleanups.push(useLegacyPrograms());
    if (variant === "nft program") {
      process.env["NETKIT_NFT"] = "exec";
      cleanups.push(() => delete process.env["NETKIT_NFT"]);
    }
    handler = open();
  });
  afterEach(() => {
    for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
  });

  test("makes and removes, and once more is no error", async () => {
    const before = rules();
    await handler.apply(creates(...all));
    const made = rules();
    expect(made).not.toBe(before);
    expect(states(await handler.read(all))).toEqual(all.map(() => "same"));
    await handler.apply(creates(...all));
    expect(rules()).toBe(made);
    await handler.apply(removes(...all));
    expect(rules()).toBe(before);
    expect(states(await handler.read(all))).toEqual(all.map(() => "missing"));
    await handler.apply(removes(...all));
    expect(rules()).toBe(before);
  });

  test("a network that another one is a part of changes, goes and comes", async () => {
    const stages = [["10.4.0.0/16", "fd00:4::/48"], ["10.4.0.0/16"], undefined, ["10.0.0.0/8", "fd00::/8"]].map(
      (within) => [
        masquerade("br4", "10.4.7.0/24", undefined, within?.[0]),
        masquerade("br4", "fd00:4:0:7::/64", undefined, within?.[1]),
      ],
    );
    await handler.apply(creates(...(stages[0] ?? [])));
    for (const [index, wanted] of stages.slice(1).entries()) {
      const [was, before] = [stages[index] ?? wanted, rules()];
      expect(states(await handler.read(wanted))).toContain("different");
      const undo = await handler.apply(wanted.map((resource, at) => replaces(was[at] ?? resource, resource)));
      expect(states(await handler.read(wanted))).toEqual(wanted.map(() => "same"));
      const after = rules();
      await undo();
      expect(rules()).toBe(before);
      await handler.apply(wanted.map((resource, at) => replaces(was[at] ?? resource, resource)));
      expect(rules()).toBe(after);
    }
    expect(keys(await handler.strays(new Set()))).toEqual(keys(stages[0] ?? []));
  });

  test("a filter is narrowed, widened, taken off and put on again", async () => {
    const filters = [["10.0.0.0/8", "192.0.2.7"], ["10.0.0.0/8"], ["0.0.0.0/0"], undefined, ["10.0.0.0/9"]];
    const stages = filters.map((from) => publish("tcp", "443", "10.1.0.2", "443", "br1", undefined, from));
    await handler.apply(creates(...network, ...stages.slice(0, 1)));
    for (const [index, wanted] of stages.slice(1).entries()) {
      const [was, before] = [stages[index] ?? wanted, rules()];
      expect(states(await handler.read([wanted]))).toEqual(["different"]);
      const undo = await handler.apply([replaces(was, wanted)]);
      expect(states(await handler.read([was, wanted]))).toEqual(["different", "same"]);
      await undo();
      expect(rules()).toBe(before);
      await handler.apply([replaces(was, wanted)]);
    }
    await handler.apply(removes(...stages.slice(-1)));
    await handler.apply(creates(...stages.slice(-1)));
    expect(states(await handler.read(stages.slice(-1)))).toEqual(["same"]);
  });

  test("a filter that lets in somebody else reads as different, and is mended", async () => {
    const port = publish("tcp", "443", "10.1.0.2", "443", "br1", undefined, ["10.0.0.0/8"]);
    await handler.apply(creates(...network, port));
    const before = rules();
    if (isNft) {
      const element = "{ 192.0.2.0/24 . 0.0.0.0/0 . tcp . 443 }";
      inNamespace(namespace, "nft", "add", "element", "inet", "netkit", "allowed4", element);
    } else inNamespace(namespace, "iptables", "-t", "mangle", "-I", "NETKIT-ARRIVING", "-j", "RETURN");
    expect(states(await handler.read([port]))).toEqual(["different"]);
    await handler.apply([replaces(port, port)]);
    expect(states(await handler.read([port]))).toEqual(["same"]);
    expect(rules()).toBe(before);
  });

  test("ports that come and go alone are as those that come with their network", async () => {
    const singles = [
      publish("tcp", "80", "10.1.0.2", "8000", "br1"),
      publish("udp", "53", "fd00:1::2", "54", "br1"),
      publish("sctp", "9", "10.1.0.2", "9", "br1", "192.0.2.1"),
      publish("udp", "53", "fd00:1::2", "53", "br1", "2001:db8::5"),
      ...ports.slice(3, 5),
      ...ports.slice(6),
      opened("udp", "10.3.0.2", "53", "br3"),
      opened("tcp", "fd00:3::2", "80", "br3"),
    ];
    await handler.apply(creates(...network));
    const without = rules();
    await handler.apply(creates(...network, ...singles));
    const made = rules();
    await handler.apply(removes(...singles));
    expect(rules()).toBe(without);
    const undo = await handler.apply(creates(...singles));
    expect(rules()).toBe(made);
    await undo();
    expect(rules()).toBe(without);
    await handler.apply(creates(...singles.slice(1)));
    await handler.apply(creates(...singles));
    expect(rules()).toBe(made);
  });

  test("another process carries on with what it finds", async () => {
    await handler.apply(creates(...network));
    const other = open();
    await other.apply(creates(...ports));
    const made = rules();
    await handler.apply(creates(...all));
    expect(rules()).toBe(made);
    await other.apply(removes(...all));
    await handler.apply(creates(...all));
    expect(rules()).toBe(made);
  });

  test("runs at the same time don't lose each other's", async () => {
    const other = open();
    await handler.apply(creates(...network));
    await Promise.all(ports.map((port, index) => (index % 2 ? other : handler).apply(creates(port))));
    expect(states(await handler.read(all))).toEqual(all.map(() => "same"));
  });

  test("undo takes back what was done and nothing else", async () => {
    await handler.apply(creates(...network, ...ports.slice(0, 2)));
    const before = rules();
    const undoes = [
      await handler.apply(creates(...ports)),
      await handler.apply(removes(...ports.slice(1, 4))),
      await handler.apply([replaces(isolation("br1"), isolation("br1", { icc: false }))]),
    ];
    for (const undo of undoes.toReversed()) await undo();
    expect(rules()).toBe(before);
    const undo = await handler.apply(removes(...network, ...ports));
    await undo();
    expect(rules()).toBe(before);
  });

  test.each([
    [
      "a port of another target",
      publish("tcp", "80", "10.2.0.2", "80", "br2"),
      /tcp port \* 80 for 10\.2\.0\.2.*10\.1\.0\.2 8000/,
    ],
    [
      "a range that overlaps",
      publish("tcp", "1999-2000", "10.2.0.2", "1999-2000", "br2", "192.0.2.1"),
      /192\.0\.2\.1 1999-2000.*\* 1000-1999/,
    ],
    [
      "a filter of a port that has one",
      publish("tcp", "443", "10.2.0.2", "443", "br2", "192.0.2.9", ["10.0.0.0/8"]),
      /filter of tcp port 192\.0\.2\.9 443 .* filter of tcp port \* 443/,
    ],
  ])("refuses %s, and does nothing of the run", async (_, port, message) => {
    await handler.apply(creates(...all));
    const before = rules();
    const run = creates(isolation("br7"), publish("tcp", "7", "10.1.0.2", "7", "br1"), port);
    await expect(handler.apply(run)).rejects.toMatchObject({
      code: "PORT_TAKEN",
      message: expect.stringMatching(message),
    });
    expect(rules()).toBe(before);
  });

  test("refuses to open ports of one range twice", async () => {
    await handler.apply(creates(...all));
    const other = opened("udp", "10.3.0.2", "1999-2000", "br3");
    await expect(handler.apply(creates(other))).rejects.toMatchObject({
      code: "RESOURCE_CONFLICT",
      message: expect.stringContaining("10.3.0.2 udp 1000-1999"),
    });
  });

  test("refuses another source for a subnet", async () => {
    await handler.apply(creates(...network));
    const other = masquerade("br1", "fd00:1::/64");
    await expect(handler.apply(creates(other))).rejects.toMatchObject({ code: "RESOURCE_CONFLICT" });
  });

  // iptables has a chain there anyway.
  test.for(isNft ? ["br6"] : [])("packets to the host pass filter-input only while %s is internal", async (link) => {
    const hooks = (): boolean => rules().includes("chain filter-input");
    const [sealed, other] = [isolation(link, { internal: true }), isolation("br7", { internal: true })];
    await handler.apply(creates(isolation("br5")));
    const before = rules();
    expect(hooks()).toBe(false);
    await handler.apply(creates(sealed));
    expect(hooks()).toBe(true);
    await open().apply(creates(other));
    await handler.apply(removes(sealed));
    expect(hooks()).toBe(true);
    await handler.apply(removes(other));
    expect(rules()).toBe(before);
    // Who died before it went leaves it to the next.
    const undo = await handler.apply(creates(sealed));
    inNamespace(namespace, "nft", "delete", "element", "inet", "netkit", "received", `{ "${link}" . "${link}" }`);
    await undo();
    expect(rules()).toBe(before);
  });

  test.for(isNft ? ["br1"] : [])("the hook for %s is mended when it is gone", async (link) => {
    const sealed = isolation(link, { internal: true });
    await handler.apply(creates(sealed));
    const before = rules();
    inNamespace(namespace, "nft", "delete", "chain", "inet", "netkit", "filter-input");
    expect(states(await handler.read([sealed]))).toEqual(["different"]);
    await handler.apply(creates(isolation("br5")));
    await handler.apply(removes(isolation("br5")));
    expect(rules()).toBe(before);
  });

  test("a flushed ruleset reads as missing and is made again", async () => {
    await handler.apply(creates(...all));
    const before = rules();
    flush();
    await handler.apply(creates(publish("tcp", "7", "10.1.0.2", "7", "br1")));
    expect(states(await handler.read(all))).toEqual(all.map(() => "missing"));
    await handler.apply(removes(publish("tcp", "7", "10.1.0.2", "7", "br1")));
    await handler.apply(creates(...all));
    expect(rules()).toBe(before);
  });

  test("altered chains read as different and are mended by a replacement", async () => {
    await handler.apply(creates(...all));
    const before = rules();
    meddle();
    expect(states(await handler.read(all))).toEqual(all.map(() => "different"));
    await handler.apply([replaces(isolation("br1"), isolation("br1"))]);
    expect(states(await handler.read(all))).toEqual(all.map(() => "same"));
    expect(rules()).toBe(before);
  });

  test("other settings read as different, named, and are replaced", async () => {
    const [there, wanted] = [isolation("br1", { internal: true }), isolation("br1", { icc: false })];
    await handler.apply(creates(there));
    expect(await handler.read([wanted])).toMatchObject([{ state: "different" }]);
    // What is stored and what is there may differ: only what is there counts.
    await handler.apply([replaces(wanted, wanted)]);
    expect(states(await handler.read([wanted]))).toEqual(["same"]);
    const trusting = isolation("br3", { ipv4: "all", trusted: ["eth1", "eth7"] });
    const wary = isolation("br3", { ipv4: "opened", ipv6: "opened", trusted: ["eth1"] });
    await handler.apply(creates(trusting));
    expect(await handler.read([wary])).toMatchObject([{ state: "different" }]);
    await handler.apply([replaces(wary, wary)]);
    expect(states(await handler.read([wary]))).toEqual(["same"]);
    expect(await handler.strays(keys([wanted, wary]))).toEqual([]);
    const port = publish("tcp", "80", "10.1.0.2", "80", "br1");
    const moved = publish("tcp", "80", "10.1.0.3", "81", "br1");
    await handler.apply(creates(port));
    expect(states(await handler.read([moved]))).toEqual(["different"]);
    await handler.apply([replaces(port, moved)]);
    expect(states(await handler.read([moved]))).toEqual(["same"]);
  });

  test("strays are whatever isn't known, whole, and can be removed", async () => {
    const before = rules();
    await handler.apply(creates(...all));
    expect(await handler.strays(keys(all))).toEqual([]);
    expect(keys(await handler.strays(keys(network)))).toEqual(keys(ports));
    const strays = await handler.strays(new Set());
    expect(strays.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))).toEqual(
      all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
    );
    await handler.apply(removes(...strays));
    expect(rules()).toBe(before);
  });

  test("two instances don't see each other", async () => {
    const other = open("netkit-0ab123");
    await handler.apply(creates(...all));
    const before = rules();
    await other.apply(creates(...all));
    expect(await handler.strays(keys(all))).toEqual([]);
    await other.apply(removes(...all));
    expect(rules()).toBe(before);
  });

  test("the commands make what apply makes, and take it away", async () => {
    const shell = (changes: Change[]): void => {
      const result = spawnSync("ip", ["netns", "exec", namespace, "sh", "-s"], {
        input: `${handler.toShell(changes).join("\n")}\n`,
        encoding: "utf8",
      });
      expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: "" });
    };
    shell(creates(...network));
    shell(creates(...ports));
    shell([replaces(isolation("br1"), isolation("br1", { icc: false }))]);
    const changed = [isolation("br1", { icc: false }), ...all.slice(1)];
    expect(states(await handler.read(changed))).toEqual(changed.map(() => "same"));
    expect(await handler.strays(keys(changed))).toEqual([]);
    shell(removes(...changed));
    expect(states(await handler.read(changed))).toEqual(changed.map(() => "missing"));
  });
});

describe("libnftables", () => {
  const namespace = `nkfl${process.pid}`;
  beforeEach(() => void ip("netns", "add", namespace));
  afterEach(() => void ip("netns", "delete", namespace));
  const open = (): ResourceHandler =>
    withNamespace(`/run/netns/${namespace}`, () =>
      firewallHandler({ mark: "netkit", namespacePath: () => "" }, { backend: "nftables" }),
    );

  test("leaves its socket to no child process", async () => {
    const handler = open();
    await handler.apply(creates(...all));
    const list = 'for fd in /proc/self/fd/*; do echo "${fd##*/} $(readlink "$fd")"; done';
    const inherited = execFileSync("sh", ["-c", list], { encoding: "utf8" }).split("\n");
    // The first three are the ends of what this test itself gave the child.
    expect(inherited.filter((line) => line.includes("socket:") && !/^[012] /.test(line))).toEqual([]);
    handler.close();
  });

  test("signals don't interrupt it: a program that has its profiler on changes rules, too", async () => {
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 20 });
    await session.post("Profiler.start");
    const errors: string[] = [];
    const previous = setNft((nft) => ({
      run(script, json) {
        const result = nft.run(script, json);
        if ("error" in result) errors.push(result.error);
        return result;
      },
      close: () => nft.close(),
    }));
    const handler = open();
    try {
      for (let turn = 0; turn < 40; turn++) {
        await handler.apply(creates(...all));
        expect(states(await handler.read(all))).toEqual(all.map(() => "same"));
        await handler.apply(removes(...all));
      }
      // One that was interrupted may have been carried out: netkit looks, and mostly sees that.
      expect(errors.length).toBeGreaterThan(40);
      expect(errors.filter((error) => /interrupted/i.test(error))).toEqual([]);
    } finally {
      setNft(previous);
      await session.post("Profiler.stop");
      session.disconnect();
      handler.close();
    }
  });

  test("a transaction that fails changes nothing and says what nft said; the next one is whole", async () => {
    const before = rulesIn(namespace);
    let fail = true;
    const failing = (nft: Nft): Nft => ({
      run: (script, json) =>
        fail && !json ? { code: -1, output: "", error: "Error: out of luck" } : nft.run(script, json),
      close: () => nft.close(),
    });
    const previous = setNft(failing);
    const handler = open();
    try {
      await expect(handler.apply(creates(...all))).rejects.toMatchObject({
        code: "FIREWALL",
        message: expect.stringContaining("out of luck"),
      });
    } finally {
      setNft(previous);
    }
    expect(rulesIn(namespace)).toBe(before);
    fail = false;
    await handler.apply(creates(...all));
    expect(states(await handler.read(all))).toEqual(all.map(() => "same"));
    handler.close();
  });

  test("what needs a table that somebody has deleted is refused until it is mended", async () => {
    const guarded = [isolation("br1"), guard("br1"), sender("nkv1", "fd00:1::2")];
    const next = sender("nkv2", "fd00:1::3");
    const handler = open();
    await handler.apply(creates(...guarded));
    const before = rulesIn(namespace);
    inNamespace(namespace, "nft", "delete", "table", "bridge", "netkit");
    const bare = rulesIn(namespace);
    await expect(handler.apply(creates(next))).rejects.toMatchObject({
      code: "FIREWALL",
      hint: expect.stringContaining("netkit doctor --repair"),
    });
    expect(rulesIn(namespace)).toBe(bare);
    expect(states(await handler.read(guarded))).toEqual(["same", "missing", "missing"]);
    await handler.apply(creates(...guarded.slice(1)));
    expect(rulesIn(namespace)).toBe(before);
    await handler.apply(creates(next));
    await handler.apply(removes(...guarded, next));
    handler.close();
  });

  test("asks nothing of the table on the fast path: one transaction for a run", async () => {
    const scripts: string[] = [];
    const previous = setNft((nft) => ({
      run(script, json) {
        scripts.push(script);
        return nft.run(script, json);
      },
      close: () => nft.close(),
    }));
    const handler = open();
    try {
      await handler.apply(creates(...network));
      scripts.length = 0;
      await (
        await handler.apply(creates(...ports))
      )();
      // Not even nft, for so few.
      expect(scripts).toEqual([]);
      const many = Array.from({ length: 1000 }, (_, index) => String(1 + index));
      const undo = await handler.apply(creates(...many.map((port) => publish("tcp", port, "10.1.0.2", port, "br1"))));
      await undo();
      expect(scripts).toHaveLength(2);
      expect(scripts.join("\n")).not.toMatch(/list|add (table|chain|rule|set|map)/);
    } finally {
      setNft(previous);
      handler.close();
    }
  });
});
