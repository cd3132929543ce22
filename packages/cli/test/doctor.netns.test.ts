import { afterEach, expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let box: Host;
let bridge: string;
/** A host with an uplink and a network. */
onHosts((host) => {
  box = host;
  box.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
  box.run("ip", "address", "add", "203.0.113.1/24", "dev", "up0");
  box.run("ip", "link", "set", "up0", "up");
  box.run("ip", "link", "set", "up1", "up");
  box.run("ip", "route", "add", "default", "via", "203.0.113.2");
  box.ok("network", "create", "--subnet", "10.7.0.0/24", "n");
  bridge = box.run("sh", "-c", "ip -o link show type bridge | cut -d: -f2").trim();
});
afterEach(() => {
  box.clear();
  // Others' rules are none of netkit's.
  box.run("nft", "flush", "ruleset");
  box.run("ip", "link", "delete", "up0");
});

const drop = (): void => {
  box.run("iptables", "-P", "FORWARD", "DROP");
};
const remedy = (): string[] => ["-i", "-o"].map((side) => `iptables -I FORWARD ${side} ${bridge} -j ACCEPT`);
const dropped =
  "policy drop in chain FORWARD of table filter (iptables) drops traffic of network 'n' (IPv4): what goes to the outside, the answers from outside";

test("connect and run warn of rules of others that drop the network's traffic, with the commands that end it", () => {
  box.ok("sandbox", "create", "--name", "quiet", "--network", "n");
  box.ok("run", "--rm", "--network", "n", "--", "true");
  box.ok("sandbox", "create", "--name", "box");
  drop();
  const warning = expect.stringMatching(
    new RegExp(`^warning: ${dropped.replaceAll(/[()]/g, String.raw`\$&`)}[^\n]*\nhint: {4}${remedy().join("; ")}\n$`),
  );
  expect(box.netkit(["network", "connect", "n", "box"])).toEqual({ status: 0, stdout: "", stderr: warning });
  expect(box.netkit(["run", "--rm", "--network", "n", "--", "echo", "hello"])).toEqual({
    status: 0,
    stdout: "hello\n",
    stderr: warning,
  });
  box.ok("run", "--rm", "--network", "none", "--", "true");
  box.ok("network", "disconnect", "n", "box");
  box.ok("network", "connect", "--explain", "n", "box");
  for (const command of remedy()) box.run("sh", "-c", command);
  box.ok("network", "connect", "n", "box");
  box.ok("run", "--rm", "--network", "n", "--", "true");
});

test("doctor tells what is whose, in colours on a terminal; warnings fail it with --strict alone", () => {
  expect(box.ok("doctor")).toMatch(/^[0-9]+ resources compared: all is well\n$/);
  drop();
  box.run("ip", "route", "add", "10.7.0.128/25", "dev", "up0");
  box.run("ip", "link", "set", bridge, "mtu", "1400");
  const plain = box.netkit(["doctor"]);
  expect(plain).toMatchObject({ status: 9, stderr: "" });
  expect(plain.stdout.replace(/, what goes from neighbour to neighbour/, "").split("\n")).toEqual([
    "network n",
    `  different bridge ${bridge} of network 'n' differs: mtu is 1400, not 1500`,
    `  foreign   ${dropped}`,
    ...remedy().map((command) => `            ${command}`),
    "  overlap   subnet 10.7.0.0/24 of network 'n' overlaps the host's route 10.7.0.128/25 on up0, which takes part of it",
    "            Recreate the network with another subnet, or take that route away (disconnect up0, if it is a VPN).",
    expect.stringMatching(/^[0-9]+ resources compared: 1 problem, 2 warnings$/),
    "Mend them with 'netkit doctor --repair'.",
    "",
  ]);
  const coloured = box.netkit(["doctor"], { env: { FORCE_COLOR: "1" } }).stdout;
  expect(coloured).toContain("\u{1b}[1mnetwork n\u{1b}[22m\n  \u{1b}[31mdifferent\u{1b}[39m");
  expect(coloured).toContain("\u{1b}[33mforeign  \u{1b}[39m");
  expect(box.netkit(["doctor", "--repair"]).status).toBe(0);
  const { status, stdout } = box.netkit(["doctor", "--json"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    findings: [
      { problem: "foreign", object: "network n", repairable: false, remedy: remedy() },
      { problem: "overlap", object: "network n", repairable: false },
    ],
    repaired: [],
  });
  expect(box.netkit(["doctor", "--strict"])).toMatchObject({
    status: 9,
    stdout: expect.stringContaining("nothing to repair, 2 warnings"),
  });
  box.run("ip", "route", "del", "10.7.0.128/25");
  for (const command of remedy()) box.run("sh", "-c", command);
  box.ok("doctor", "--strict");
});

test("what differs of a whole ruleset is told once, however much the ruleset holds", () => {
  const iptables = ["--firewall", "iptables"];
  box.ok(...iptables, "doctor", "--repair");
  box.run("iptables", "-F");
  const { status, stdout } = box.netkit([...iptables, "doctor"]);
  expect(status).toBe(9);
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^ruleset of network n\b/);
  const told = lines.filter((line) => line.startsWith("  different "));
  expect(told.length).toBeGreaterThan(1);
  expect(new Set(told).size).toBe(told.length);
  expect(told).toContainEqual(expect.stringMatching(/ INPUT doesn't jump to chain \S+ of table filter \(IPv4\)$/));
  const { findings } = JSON.parse(box.netkit([...iptables, "doctor", "--json"]).stdout) as {
    findings: { message: string }[];
  };
  expect(findings[0]?.message).toMatch(/ differs: .*\(IPv4\), and \d+ more$/);
  box.ok(...iptables, "doctor", "--repair");
});

test("a firewall is chosen with the option, and the root keeps it", () => {
  box.ok("--firewall", "iptables", "network", "create", "m");
  expect(box.run("iptables-save")).toContain("NETKIT-");
  expect(box.run("nft", "list", "tables")).not.toContain("inet netkit");
  expect(box.ok("info")).toMatch(/^Firewall +iptables$/m);
  expect(box.ok("doctor")).toContain("all is well");
  expect(box.netkit(["--firewall", "nftables", "doctor"])).toMatchObject({
    status: 9,
    stdout: expect.stringContaining("the firewall was set up with iptables and is to be nftables"),
  });
  box.ok("--firewall", "nftables", "doctor", "--repair");
  expect(box.run("nft", "list", "tables")).toContain("inet netkit");
  expect(box.run("iptables-save")).not.toContain("NETKIT-");
});
