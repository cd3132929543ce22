import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import type { Finding, Netkit, SandboxHandle } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";

const serve = 'require("node:http").createServer((_, response) => response.end("ok")).listen(80, "::")';
const outside = `nktest-${randomBytes(3).toString("hex")}`;

let host: TestHost;
let netkit: Netkit;
let box: SandboxHandle;
let bridge: string;
const servers: (() => Promise<void>)[] = [];

/** A host with an uplink to the outside, where a server answers, and a sandbox with a published one. */
onHosts(async (given) => {
  ({ host, netkit } = given);
  execFileSync("ip", ["netns", "add", outside]);
  host.sh(`ip link add up0 type veth peer name up1 netns ${outside}
    ip addr add 203.0.113.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad; ip link set up0 up
    ip -n ${outside} link set lo up
    ip -n ${outside} addr add 203.0.113.2/24 dev up1; ip -n ${outside} addr add 2001:db8::2/64 dev up1 nodad
    ip -n ${outside} link set up1 up
    ip route add default via 203.0.113.2; ip route add default via 2001:db8::2`);
  await netkit.networks.create({ name: "n", ipv6: true });
  box = await netkit.sandboxes.open({ name: "box", networks: [{ network: "n", publish: ["8080:80"] }] });
  bridge = host.sh("ip -o link show type bridge | cut -d: -f2").trim();
  const inside = await box.run([process.execPath, "-e", serve], { stdio: "ignore" });
  servers.push(async () => {
    inside.kill("SIGKILL");
    await inside.exited;
  });
  const there = spawn("ip", ["netns", "exec", outside, process.execPath, "-e", serve], { stdio: "ignore" });
  servers.push(async () => {
    const exited = once(there, "exit");
    there.kill("SIGKILL");
    await exited;
  });
  // oxlint-disable-next-line vitest/no-standalone-expect -- without this no test below shows anything
  expect(await reach(9)).toEqual(everywhere);
});
afterEach(async () => {
  for (const stop of servers.splice(0)) await stop();
  await host.empty(netkit);
  host.sh("nft flush ruleset; ip link del up0");
  execFileSync("ip", ["netns", "del", outside]);
});

const everywhere = { out4: true, out6: true, in4: true, in6: true };
const nowhere = { out4: false, out6: false, in4: false, in6: false };

/** Who answers: the outside to the sandbox, the sandbox's published port to the outside. */
async function reach(tries = 1): Promise<typeof everywhere> {
  const get = (url: string): string[] => [
    "sh",
    "-c",
    `for i in $(seq ${tries}); do curl -gsf --connect-timeout 1 -m 9 -o /dev/null ${url} && exit 0; [ $i = ${tries} ] || sleep 0.1; done; exit 1`,
  ];
  const out = async (url: string): Promise<boolean> =>
    (await (await box.run(get(url), { stdio: "ignore" })).exited).code === 0;
  const into = async (url: string): Promise<boolean> => {
    const [code] = await once(spawn("ip", ["netns", "exec", outside, ...get(url)], { stdio: "ignore" }), "exit");
    return code === 0;
  };
  const [out4, out6, in4, in6] = await Promise.all([
    out("http://203.0.113.2/"),
    out("http://[2001:db8::2]/"),
    into("http://203.0.113.1:8080/"),
    into("http://[2001:db8::1]:8080/"),
  ]);
  return { out4, out6, in4, in6 };
}

async function foreign(): Promise<readonly Finding[]> {
  const { findings } = await netkit.doctor();
  expect(findings.filter(({ problem }) => problem !== "foreign")).toEqual([]);
  expect(await netkit.foreign("box")).toEqual(findings);
  return findings;
}

/** Neighbours come through these chains only where the kernel hands bridged packets to them. */
const messages = (findings: readonly Finding[]): string[] =>
  findings.map(({ message }) =>
    message.replace(/, what goes from neighbour to neighbour/, "").replace(/handle [0-9]+/, "handle N"),
  );

const name6 = (name: string): string => name.replace("iptables", "ip6tables");

const remedies = (findings: readonly Finding[]): string[] => [
  ...new Set(findings.flatMap(({ remedy }) => remedy ?? [])),
];

function load(program: string, rules: string): void {
  host.sh(`${program} <<'EOF'\n${rules}EOF`);
}

/** What a tool's own listing showed, from `recorded/`. */
function recorded(name: string): string {
  return readFileSync(join(import.meta.dirname, "recorded", name), "utf8");
}

/** Enables ufw as it comes; runs commands with its settings in a folder of the test, so that the machine's stay as they are. */
function withUfw(): (command: string) => void {
  const folder = mkdtempSync(join(tmpdir(), "netkit-ufw-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const settings = ["/etc/ufw", "/etc/default"].map((path) => {
    const own = join(folder, path);
    mkdirSync(own, { recursive: true });
    cpSync(path, own, { recursive: true });
    return `mount --bind ${own} ${path}`;
  });
  // Each command has a mount namespace of its own.
  const run = (command: string): string => host.sh([...settings, command].join(" && "));
  run("ufw --force reset; ufw default deny routed; ufw default allow outgoing; ufw --force enable");
  return run;
}

test("without anybody else's rules there is nothing to find", async () => {
  expect(await foreign()).toEqual([]);
});

describe("rules of others that drop are found, and the commands that doctor names let the traffic pass", () => {
  for (const [version, into6] of [
    ["docker-20", "FORWARD"],
    ["docker-28", "DOCKER-USER"],
  ] as const) {
    for (const [variant, plain] of [
      ["iptables-nft", "iptables"],
      ["iptables-legacy", "iptables-legacy"],
    ] as const) {
      test(`Docker's, ${version} with ${variant}`, async () => {
        load(`${variant}-restore`, recorded(`${version}.ipv4.rules`));
        load(`${name6(variant)}-restore`, recorded(`${version}.ipv6.rules`));
        const findings = await foreign();
        expect(messages(findings)).toEqual([
          `policy drop in chain FORWARD of table filter (${plain}) drops traffic of network 'n' (IPv4): what goes to the outside, the answers from outside, published ports from outside`,
          `policy drop in chain FORWARD of table filter (${name6(plain)}) drops traffic of network 'n' (IPv6): what goes to the outside, the answers from outside, published ports from outside`,
        ]);
        expect(remedies(findings)).toEqual([
          `${plain} -I DOCKER-USER -i ${bridge} -j ACCEPT`,
          `${plain} -I DOCKER-USER -o ${bridge} -j ACCEPT`,
          `${name6(plain)} -I ${into6} -i ${bridge} -j ACCEPT`,
          `${name6(plain)} -I ${into6} -o ${bridge} -j ACCEPT`,
        ]);
        const hints = findings.map(({ remedy, hint = "" }) => [remedy?.join().includes("DOCKER-USER"), hint]);
        const [ofDockers, other] = [
          [true, expect.stringContaining("aren't published")],
          [false, ""],
        ];
        expect(hints).toEqual([ofDockers, into6 === "DOCKER-USER" ? ofDockers : other]);
        expect(await reach()).toEqual(nowhere);
        for (const command of remedies(findings)) host.sh(command);
        expect(await foreign()).toEqual([]);
        expect(await reach()).toEqual(everywhere);
      });
    }
  }

  test("rules for links whose names begin alike count", async () => {
    load("iptables-restore", recorded("docker-28.ipv4.rules"));
    load("ip6tables-restore", recorded("docker-28.ipv6.rules"));
    for (const program of ["iptables", "ip6tables"]) {
      host.sh(`${program} -I DOCKER-USER -i '${bridge.slice(0, 3)}+' -j ACCEPT`);
      host.sh(`${program} -I DOCKER-USER -o '${bridge.slice(0, 3)}+' -j ACCEPT`);
    }
    expect(await foreign()).toEqual([]);
    expect(await reach()).toEqual(everywhere);
  });

  test("one direction alone isn't enough", async () => {
    load("iptables-restore", recorded("docker-28.ipv4.rules"));
    host.sh(`iptables -I DOCKER-USER -i ${bridge} -j ACCEPT`);
    const [finding] = await foreign();
    expect(finding?.message).toContain("(IPv4): the answers from outside, published ports from outside");
    expect(await reach()).toEqual({ ...everywhere, out4: false, in4: false });
  });

  test("ufw's", async () => {
    const ufw = withUfw();
    const findings = await foreign();
    expect(messages(findings)).toEqual([
      "policy drop in chain FORWARD of table filter (iptables) drops traffic of network 'n' (IPv4): what goes to the outside, published ports from outside",
      "policy drop in chain FORWARD of table filter (ip6tables) drops traffic of network 'n' (IPv6): what goes to the outside, published ports from outside",
    ]);
    expect(remedies(findings)).toEqual([`ufw route allow in on ${bridge}`, `ufw route allow out on ${bridge}`]);
    expect(await reach()).toEqual(nowhere);
    for (const command of remedies(findings)) ufw(command);
    expect(await foreign()).toEqual([]);
    expect(await reach()).toEqual(everywhere);
  });

  test("ufw's, where its user denies and rejects: what allows comes before that", async () => {
    const ufw = withUfw();
    ufw("ufw default deny outgoing");
    ufw("ufw route deny proto tcp to any port 80; ufw deny out to any port 80 proto tcp");
    ufw(`ufw route reject in on ${bridge}; ufw route allow out on ${bridge}`);
    const findings = await foreign();
    expect(remedies(findings)).toEqual([
      `ufw route delete reject in on ${bridge}`,
      `ufw route prepend allow in on ${bridge}`,
      `ufw route delete allow out on ${bridge}`,
      `ufw route prepend allow out on ${bridge}`,
      `ufw prepend allow out on ${bridge}`,
    ]);
    expect(await reach()).toEqual(nowhere);
    for (const command of remedies(findings)) ufw(command);
    expect(await foreign()).toEqual([]);
    expect(await reach()).toEqual(everywhere);
  });

  test("firewalld's", async () => {
    load("nft -f -", recorded("firewalld-1.3.nft"));
    const findings = await foreign();
    expect(messages(findings)).toEqual(
      ["IPv4", "IPv6"].map(
        (family) =>
          `rule 'handle N' of chain filter_FWD_block in chain filter_FORWARD of table inet firewalld (nftables) drops traffic of network 'n' (${family}): what goes to the outside`,
      ),
    );
    expect(remedies(findings)).toEqual([
      `firewall-cmd --zone=trusted --change-interface=${bridge}`,
      `firewall-cmd --permanent --zone=trusted --change-interface=${bridge}`,
    ]);
    expect(await reach()).toEqual({ ...everywhere, out4: false, out6: false });
    host.sh("nft delete table inet firewalld");
    // What the first command made of br0.
    load("nft -f -", recorded("firewalld-1.3.nft").replaceAll('"br0"', `"${bridge}"`));
    expect(await foreign()).toEqual([]);
    expect(await reach()).toEqual(everywhere);
  });

  test("firewalld's, with its backend for iptables", async () => {
    load("iptables-restore", recorded("firewalld-1.3-iptables.ipv4.rules"));
    const findings = await foreign();
    expect(messages(findings)).toEqual([
      "rule '-j DROP' of chain FWD_drop in chain FORWARD of table filter (iptables) drops traffic of network 'n' (IPv4): what goes to the outside",
    ]);
    expect(remedies(findings)).toEqual([
      `firewall-cmd --zone=trusted --change-interface=${bridge}`,
      `firewall-cmd --permanent --zone=trusted --change-interface=${bridge}`,
    ]);
    expect(await reach()).toEqual({ ...everywhere, out4: false });
  });

  test("firewalld's, where it is a policy, which holds for every zone", async () => {
    load("nft -f -", recorded("firewalld-1.3.nft").replaceAll('"br0"', `"${bridge}"`));
    host.sh(`nft 'add chain inet firewalld filter_FWD_policy_mine
      add rule inet firewalld filter_FWD_policy_mine drop
      insert rule inet firewalld filter_FORWARD_POLICIES_pre jump filter_FWD_policy_mine'`);
    const findings = await foreign();
    expect(remedies(findings)).toEqual([
      `nft insert rule inet firewalld filter_FORWARD iifname "${bridge}" accept`,
      `nft insert rule inet firewalld filter_FORWARD oifname "${bridge}" accept`,
    ]);
    expect(await reach()).toEqual({ ...everywhere, out4: false, out6: false });
    for (const command of remedies(findings)) host.sh(command);
    expect(await foreign()).toEqual([]);
    expect(await reach()).toEqual(everywhere);
  });

  test("a base chain of any name and priority, by policy or by a rule", async () => {
    for (const [priority, policy, rules] of [
      [-300, "drop", "ct state established accept"],
      [300, "accept", "jump last"],
    ] as const) {
      load(
        "nft -f -",
        `add table inet mine
         add chain inet mine last
         add rule inet mine last tcp dport 22 accept
         add rule inet mine last meta l4proto tcp reject with tcp reset comment "nothing else"
         add chain inet mine passing { type filter hook forward priority ${priority}; policy ${policy}; }
         add rule inet mine passing ${rules}\n`,
      );
      const findings = await foreign();
      expect(messages(findings)).toEqual(
        ["IPv4", "IPv6"].map(
          (family) =>
            `${policy === "drop" ? "policy drop" : "rule 'handle N (nothing else)' of chain last"} in chain passing of table inet mine (nftables) drops traffic of network 'n' (${family}): what goes to the outside, ${policy === "drop" ? "" : "the answers from outside, "}published ports from outside`,
        ),
      );
      expect(await reach()).toEqual(nowhere);
      for (const command of remedies(findings)) host.sh(command);
      expect(await foreign()).toEqual([]);
      expect(await reach()).toEqual(everywhere);
      host.sh("nft delete table inet mine");
    }
  });

  test("what can't be judged may drop; what is about others or single ports is none of it", async () => {
    load(
      "nft -f -",
      `table inet mine { chain passing { type filter hook forward priority 0; policy accept;
      iifname "docker0" drop
      ip saddr 198.51.100.0/24 drop
      tcp dport { 25, 445 } drop
      meta mark 7 drop
      ct state invalid drop
      tcp option maxseg size 9 drop
    }
    }\n`,
    );
    const findings = await foreign();
    expect(findings).toHaveLength(2);
    expect(findings[0]?.message).toMatch(
      /^rule 'handle [0-9]+' in chain passing of .* may drop traffic of network 'n'/,
    );
    expect(await reach()).toEqual(everywhere);
  });
});

/** Numbers that look random and are the same in each run (mulberry32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A ruleset of the conditions that can be judged, in the words of both tools. */
function randomRules(seed: number, subnet: string): { iptables: string; nft: string } {
  const next = numbersFrom(seed);
  const pick = <T>(list: readonly [T, ...T[]]): T => list[next(list.length)] ?? list[0];
  const ofLinks = (): [string, string] => {
    const link = pick([bridge, "up0", "other0"]);
    const [not, differs] = pick([
      ["", ""],
      ["! ", "!= "],
    ] as const);
    return pick<[string, string]>([
      [`${not}-i ${link}`, `iifname ${differs}"${link}"`],
      [`${not}-o ${link}`, `oifname ${differs}"${link}"`],
    ]);
  };
  const ofOthers = (): [string, string] => {
    const [not, differs] = pick([
      ["", ""],
      ["! ", "!= "],
    ] as const);
    return pick<[string, string]>([
      [`${not}-s ${subnet}`, `ip saddr ${differs}${subnet}`],
      [`${not}-d ${subnet}`, `ip daddr ${differs}${subnet}`],
      [`-m conntrack ${not}--ctstate NEW`, `ct state ${differs}{ new }`],
      [`-m conntrack ${not}--ctstate RELATED,ESTABLISHED`, `ct state ${differs}{ established, related }`],
      ["-m conntrack --ctstate DNAT", "ct status dnat"],
      ["-p tcp", "meta l4proto tcp"],
      ["-p udp", "meta l4proto udp"],
    ]);
  };
  const verdicts = [
    ["-j ACCEPT", "accept"],
    ["-j DROP", "drop"],
    ["-j RETURN", "return"],
    ["-j A", "jump A"],
    ["-g B", "goto B"],
  ] as const;
  const policy = pick(["ACCEPT", "DROP"]);
  const lines: string[] = [];
  const script: string[] = [];
  // B comes before A, so that chains only lead on.
  for (const [chain, allowed] of [
    ["B", 3],
    ["A", 3],
    ["FORWARD", 5],
  ] as const) {
    for (let count = 2 + next(3); count > 0; count--) {
      const parts = pick([[ofLinks], [ofOthers], [ofLinks, ofOthers]]).map((condition) => condition());
      const verdict = verdicts[next(allowed)] ?? verdicts[0];
      lines.push(`-A ${chain} ${parts.map(([text]) => text).join(" ")} ${verdict[0]}`);
      script.push(`add rule inet mine ${chain} ${parts.map(([, text]) => text).join(" ")} ${verdict[1]}`);
    }
  }
  return {
    iptables: ["*filter", `:FORWARD ${policy} [0:0]`, ":A - [0:0]", ":B - [0:0]", ...lines, "COMMIT", ""].join("\n"),
    nft: [
      "add table inet mine",
      "add chain inet mine A",
      "add chain inet mine B",
      `add chain inet mine FORWARD { type filter hook forward priority 0; policy ${policy.toLowerCase()}; }`,
      ...script,
      "",
    ].join("\n"),
  };
}

test("what is judged is what the kernel does, for rules put together at random", async () => {
  const subnet = (await netkit.networks.get("n")).subnets[0]?.subnet ?? "";
  const seen = new Set<string>();
  // Chosen so that all outcomes come up.
  for (const seed of [0, 1, 3, 4, 9, 23, 54, 58]) {
    const { iptables, nft } = randomRules(seed, subnet);
    for (const [tool, rules] of [
      ["iptables-restore", iptables],
      ["nft -f -", nft],
    ] as const) {
      load(tool, rules);
      const message =
        (await netkit.foreign("box")).find((finding) => finding.message.includes("(IPv4)"))?.message ?? "";
      expect(message).not.toContain("may drop");
      const judged = {
        out4: !/to the outside|the answers/.test(message),
        in4: !message.includes("published ports from outside"),
      };
      const { out4, in4 } = await reach();
      expect({ out4, in4 }, `${rules}\n${message}`).toEqual(judged);
      seen.add(JSON.stringify(judged));
      host.sh(tool === "nft -f -" ? "nft delete table inet mine" : "nft delete table ip filter");
    }
  }
  expect(seen.size).toBe(4);
});
