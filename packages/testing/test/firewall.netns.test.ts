import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FirewallBackend, Netkit } from "@netkit/engine";
import { TestHost } from "./host.ts";

const serve = 'require("node:http").createServer((_, response) => response.end("ok")).listen(80)';

let host: TestHost;
let stop: () => Promise<void>;
beforeEach(() => {
  host = new TestHost();
  stop = async () => {};
});
afterEach(async () => {
  await stop();
  const netkit = await host.open();
  await host.empty(netkit);
  host.sh("nft flush ruleset");
  host.expectClean();
  await host[Symbol.asyncDispose]();
});

async function publish(netkit: Netkit): Promise<void> {
  await netkit.networks.create({ name: "n" });
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: ["8080:80"] }] });
  const server = await web.run([process.execPath, "-e", serve], { stdio: "ignore" });
  stop = async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
}

function answers(tries = 1): boolean {
  return host.succeeds(
    `for i in $(seq ${tries}); do curl -sf -m 1 -o /dev/null http://127.0.0.1:8080/ && exit 0; [ $i = ${tries} ] || sleep 0.1; done; exit 1`,
  );
}

/** Which backends hold something of the instance. */
function used({ instance: { mark } }: Netkit): string[] {
  const rules = host.sh("iptables-save; ip6tables-save; iptables-legacy-save; ip6tables-legacy-save");
  return [
    ...(host.succeeds(`nft list table inet ${mark}`) ? ["nftables"] : []),
    ...(rules.includes(`${mark.toUpperCase()}-`) ? ["iptables"] : []),
  ];
}

const held = (backend: string): string[] => (backend === "none" ? [] : [backend]);

const pairs: readonly [FirewallBackend, FirewallBackend][] = [
  ["nftables", "iptables"],
  ["iptables", "nftables"],
  ["nftables", "none"],
  ["none", "nftables"],
  ["iptables", "none"],
  ["none", "iptables"],
];

test.each(pairs)("from %s to %s: the next change moves everything, published ports with it", async (from, to) => {
  const before = await host.open({ firewall: from });
  await publish(before);
  expect(answers(9)).toBe(from !== "none");
  expect(used(before)).toEqual(held(from));

  const after = await host.open({ firewall: to });
  expect((await after.doctor()).findings).toEqual([
    {
      problem: "different",
      object: "firewall",
      message: `the firewall was set up with ${from} and is to be ${to}`,
      repairable: true,
    },
  ]);
  expect(used(after)).toEqual(held(from));
  // A change that has nothing to do with the firewall.
  await after.sandboxes.open({ name: "other" });
  expect(used(after)).toEqual(held(to));
  expect(answers()).toBe(to !== "none");
  expect((await after.doctor()).findings).toEqual([]);
});

test("doctor --repair moves it, and a process that has the root open follows", async () => {
  const first = await host.open();
  await publish(first);
  const second = await host.open({ firewall: "iptables" });
  const { findings, repaired } = await second.doctor({ repair: true });
  expect(findings.map(({ message }) => message)).toEqual([
    "the firewall was set up with nftables and is to be iptables",
  ]);
  expect(repaired).toEqual(findings);
  expect(used(second)).toEqual(["iptables"]);
  expect(answers(9)).toBe(true);
  const web = await first.sandboxes.get("web");
  await web.publish("n", ["8081:80"]);
  expect(host.succeeds("curl -sf -m 1 -o /dev/null http://127.0.0.1:8081/")).toBe(true);
  expect(used(first)).toEqual(["iptables"]);
});

test("without the option a root stays with what it used last; after none it takes what the machine has", async () => {
  const chosen = await host.open({ firewall: "iptables" });
  await chosen.networks.create({ name: "n" });
  const plain = await host.open();
  expect((await plain.info()).firewall).toBe("iptables");
  await plain.networks.create({ name: "m" });
  expect(used(plain)).toEqual(["iptables"]);
  expect((await plain.doctor()).findings).toEqual([]);
  await (await host.open({ firewall: "none" })).doctor({ repair: true });
  expect(used(plain)).toEqual([]);
  const later = await host.open();
  await later.networks.create({ name: "o" });
  expect(used(later)).toEqual(["nftables"]);
  expect((await later.doctor()).findings).toEqual([]);
});

test("tables and chains of others stay as they are", async () => {
  const theirs = (): string =>
    host.sh("nft list table inet theirs; iptables-save -t filter | grep -E '^:THEIRS|^-A (FORWARD|THEIRS).*THEIRS'");
  host.sh(`nft 'add table inet theirs; add chain inet theirs c { type filter hook forward priority 0; }
    add rule inet theirs c counter'
    iptables -N THEIRS; iptables -A FORWARD -j THEIRS`);
  const before = theirs();
  await publish(await host.open({ firewall: "nftables" }));
  for (const firewall of ["iptables", "none", "iptables", "nftables"] as const) {
    await (await host.open({ firewall })).doctor({ repair: true });
    expect(theirs().replaceAll(/packets [0-9]+ bytes [0-9]+/g, "")).toBe(
      before.replaceAll(/packets [0-9]+ bytes [0-9]+/g, ""),
    );
  }
  expect(answers(9)).toBe(true);
});

test("a move that can't be made leaves everything; one that can't be finished goes on with the next change", async () => {
  const before = await host.open({ firewall: "iptables" });
  await publish(before);
  const chain = `${before.instance.mark.toUpperCase()}-INWARD`;
  // Somebody's rule holds the chain, so that it can't go.
  host.sh(`iptables -N THEIRS; iptables -A THEIRS -j ${chain}`);
  const after = await host.open({ firewall: "nftables" });
  await expect(after.networks.create({ name: "m" })).rejects.toMatchObject({ code: "FIREWALL" });
  expect(answers(9)).toBe(true);
  expect((await after.networks.list()).map(({ name }) => name)).not.toContain("m");
  expect((await after.doctor()).findings.map(({ message }) => message)).toEqual([
    "the firewall was set up with iptables and is to be nftables",
  ]);
  host.sh("iptables -F THEIRS; iptables -X THEIRS");
  await after.networks.create({ name: "m" });
  expect(used(after)).toEqual(["nftables"]);
  expect(answers()).toBe(true);
  expect((await after.doctor()).findings).toEqual([]);
});

test.each(["nftables", "iptables"] as const)(
  "%s: what is shown of a second network can be pasted beside the first, and stops at the first failure",
  async (firewall) => {
    const netkit = await host.open({ firewall });
    await netkit.networks.create({ name: "first" });
    let script = "";
    await netkit.networks.create(
      { name: "second", options: { name: "br2" } },
      { dryRun: true, onPlan: (preview) => (script = preview.toShell().join("\n")) },
    );
    execFileSync("ip", ["netns", "exec", host.name, "sh", "-e"], { input: script, stdio: ["pipe", "ignore", "pipe"] });
    expect(host.sh("ip link show br2; nft list ruleset; iptables-save")).toMatch(/"br2"|-o br2/);
    host.sh("ip link del br2");
  },
);

test.each(["nftables", "iptables"] as const)(
  "%s: where somebody has flushed all rules, the next one that is made brings back all others; so does whoever asks for it",
  async (firewall) => {
    const netkit = await host.open({ firewall });
    await publish(netkit);
    await netkit.networks.create({ name: "other" });
    const neighbour = await netkit.sandboxes.open({
      name: "neighbour",
      networks: [{ network: "n", publish: ["81:80"] }],
    });
    expect(answers(9)).toBe(true);
    const flush = (): string =>
      host.sh(
        "nft flush ruleset; for each in iptables ip6tables iptables-legacy ip6tables-legacy; do for table in filter nat mangle raw; do $each -t $table -F; $each -t $table -X; done; done",
      );
    flush();
    expect(answers()).toBe(false);
    // What goes meanwhile isn't brought back.
    await netkit.sandboxes.remove(neighbour.id);
    const later = await netkit.sandboxes.open({ networks: [{ network: "other", publish: ["8081:80"] }] });
    expect(answers()).toBe(true);
    expect((await netkit.doctor()).findings).toEqual([]);
    flush();
    await netkit.restoreFirewall();
    expect(answers()).toBe(true);
    expect((await netkit.doctor()).findings).toEqual([]);
    await netkit.sandboxes.remove(later.id);
  },
);
