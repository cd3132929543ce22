// Networks whose driver is a plugin of netavark's: an executable of somebody else's.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { contents, inside, reaches } from "./containers.ts";
import { onHosts, type Host } from "./host.ts";
import { podmanNetwork, PodmanRuntime, type TestContainer, type TestNetwork } from "./podman-runtime.ts";

let machine: Host;
let podman: PodmanRuntime;
let folder: string;
onHosts((host) => (machine = host));

function install(options: { readonly agent: boolean } = { agent: false }): void {
  podman = new PodmanRuntime(machine, options);
  folder = join(machine.root, "plugins");
  mkdirSync(folder);
}

// Before the host's own leak check: what it is about is the host.
afterEach(() => podman[Symbol.dispose]());

/** Writes a plugin, which logs how it is called and keeps what it gets; then it does as it is told. */
function plugin(name: string, script: string): void {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> ${folder}/log\ncat > ${folder}/input\n${script}\n`);
  chmodSync(path, 0o755);
}

/** What was called since the last time. */
function calls(): string[] {
  const log = join(folder, "log");
  const lines = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  rmSync(log, { force: true });
  return lines;
}

const asked = (...words: string[]): string[] => [
  "--plugin-directory",
  "/no/such",
  "--plugin-directory",
  folder,
  ...words,
];
const on = (driver: string, more: object = {}): TestNetwork =>
  podmanNetwork(`by-${driver}`, 2, { driver, subnets: undefined, ipam_options: {}, dns_enabled: false, ...more });

const status = '{"interfaces":{"up0":{"mac_address":"02:00:00:00:00:01","subnets":null}},"more":[1]}';
/** Moves a link of the host into the container, and back. */
const moving = `case $1 in
setup) ip link set up0 netns "\${2##*/}" && echo '${status}' ;;
teardown) [ ! -e "$2" ] || ip -n "\${2##*/}" link set up0 netns $$ ;;
esac`;

describe.each([{ agent: false }, { agent: true }])("with %j", (options) => {
  test("a plugin's network beside one of netkit's: it is told all, its answer is passed on, and it takes down", () => {
    install(options);
    machine.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
    plugin("mover", moving);
    const before = machine.traces();
    const netns = podman.space("one");
    const theirs = on("mover", { network_interface: "up0", options: { a: "b" }, "x-more": [1] });
    const mapping = { host_port: 8080, container_port: 80, host_ip: "", protocol: "tcp", range: 1 };
    const input: TestContainer = {
      id: "c1",
      networks: [podmanNetwork("pnet", 1), theirs],
      each: [{ static_ips: ["10.89.1.2"] }, { static_mac: "02:00:00:00:00:01" }],
      more: { port_mappings: [mapping] },
    };
    for (const _ of [1, 2]) {
      const made = podman.ok(asked("setup", netns), input);
      expect(made["by-mover"]).toEqual(JSON.parse(status));
      expect(made["pnet"]?.interfaces["eth0"]?.subnets[0]?.ipnet).toBe("10.89.1.2/24");
      expect(JSON.parse(readFileSync(join(folder, "input"), "utf8"))).toEqual({
        container_id: "c1",
        container_name: "name-c1",
        port_mappings: [mapping],
        network: JSON.parse(JSON.stringify(theirs)) as unknown,
        network_options: { interface_name: "eth1", aliases: ["c1"], static_mac: "02:00:00:00:00:01" },
      });
      expect(reaches(netns, "10.89.1.1")).toBe(true);
      expect(inside(netns, "ip", "-o", "link")).toContain(" up0@");
      expect(machine.ok("doctor")).toContain("all is well");
      podman.ok(asked("teardown", netns), input);
      expect(calls()).toEqual([`mover setup ${netns}`, `mover teardown ${netns}`]);
      expect(machine.traces()).toEqual(before);
    }
    // On its own it is no matter of netkit's.
    const alone: TestContainer = { id: "c1", networks: [theirs] };
    podman.ok(asked("setup", netns), alone);
    expect(inside(netns, "ip", "link", "show", "lo")).toContain("UP");
    expect(machine.ok("sandbox", "ls", "-q")).toBe("");
    podman.ok(asked("teardown", netns), alone);
    podman.ok(asked("teardown", "/proc/does-not-exist/ns/net"), alone);
    expect(calls()).toEqual([
      `mover setup ${netns}`,
      `mover teardown ${netns}`,
      "mover teardown /proc/does-not-exist/ns/net",
    ]);
    machine.run("ip", "link", "del", "up0");
  });
});

test("all or none: what was made before a failure is taken down, netkit's networks and plugins'", () => {
  install();
  plugin("good", `[ $1 != setup ] || echo '${status}'`);
  plugin("bad", `echo '{"error":"no '$1'"}'; exit 3`);
  const netns = podman.space("one");
  const before = machine.traces();
  const own = podmanNetwork("pnet", 1);
  const input = (ip: string): TestContainer => ({
    id: "c1",
    networks: [own, on("good"), on("bad")],
    each: [{ static_ips: [ip] }],
  });
  const failure = 'plugin "bad" failed: exit code 3, message: no setup';
  expect(podman.refusal(asked("setup", netns), input("10.89.1.2"))).toBe(failure);
  expect(calls()).toEqual([`good setup ${netns}`, `bad setup ${netns}`, `good teardown ${netns}`]);
  expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  expect(machine.traces()).toEqual(before);
  expect(machine.ok("sandbox", "ls", "-q")).toBe("");
  // What netkit refuses no plugin hears of.
  expect(podman.refusal(asked("setup", netns), input("10.89.9.2"))).toContain("not all static IPs matched a subnet");
  expect(calls()).toEqual([]);
  // What can't be taken down is told, too.
  plugin("good", `[ $1 = setup ] && echo '${status}' || exit 4`);
  expect(podman.refusal(asked("setup", netns), input("10.89.1.2"))).toBe(
    `${failure}; and then: plugin "good" failed: exit code 4 on network 'by-good', without a message`,
  );
  expect(machine.traces()).toEqual(before);
  calls();
  // A teardown goes on.
  podman.ok(["setup", netns], { ...input("10.89.1.2"), networks: [own] });
  expect(podman.refusal(asked("teardown", netns), input("10.89.1.2"))).toContain('plugin "good" failed');
  expect(calls()).toEqual([`good teardown ${netns}`, `bad teardown ${netns}`]);
  expect(machine.traces()).toEqual(before);
});

test("plugins that aren't there, don't run, or say nothing of use are named with their network", () => {
  install();
  const netns = podman.space("one");
  const refused = (driver: string, words = asked("setup", netns)): string =>
    podman.refusal(words, { id: "c1", networks: [on(driver)] });
  writeFileSync(join(folder, "idle"), "#!/bin/sh\n");
  writeFileSync(join(folder, "broken"), "#!/no/such/interpreter\n", { mode: 0o755 });
  mkdirSync(join(folder, "folder"));
  const missing = `. The network 'by-idle' needs a plugin: an executable of that name in `;
  expect(refused("idle")).toBe(`unknown network driver "idle"${missing}/no/such or ${folder}.`);
  expect(refused("idle", ["setup", netns])).toContain("netavark_plugin_dirs");
  for (const driver of ["folder", "../plugins/idle", "/bin/true", ""])
    expect(refused(driver)).toContain(`unknown network driver ${JSON.stringify(driver)}`);
  expect(refused("broken")).toMatch(/^plugin "broken" failed: on network 'by-broken': .*ENOENT/);
  plugin("killed", "kill -9 $$");
  expect(refused("killed")).toBe(`plugin "killed" failed: on network 'by-killed': SIGKILL`);
  calls();
  plugin("vague", "echo well");
  expect(refused("vague")).toBe(`plugin "vague" failed: it printed no status of network 'by-vague': "well\\n"`);
  expect(calls()).toEqual([`vague setup ${netns}`, `vague teardown ${netns}`]);
  // One that doesn't read what it is told has said what it has to say.
  writeFileSync(join(folder, "hasty"), `#!/bin/sh\nexec 0<&-\necho '${status}'\n`, { mode: 0o755 });
  const labels = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`l${index}`, "x".repeat(4_000)]));
  const large: TestContainer = { id: "c1", networks: [on("hasty", { labels })] };
  expect(podman.ok(asked("setup", netns), large)["by-hasty"]).toEqual(JSON.parse(status));
  plugin("loud", `echo "$1 is done" >&2; [ $1 != setup ] || echo '${status}'`);
  expect(podman.call(asked("setup", netns), { id: "c1", networks: [on("loud")] })).toMatchObject({
    status: 0,
    stderr: "setup is done\n",
  });
});

test("create has a plugin complete its network, but for its name, id and driver", () => {
  install();
  const network = { name: "new", id: "a".repeat(64), driver: "maker", dns_enabled: false, internal: false };
  const wish = (change: object = {}): string =>
    JSON.stringify({
      network: { ...network, ...change },
      used: { interfaces: [], names: { taken: "x" }, subnets: [] },
      options: { subnet_pools: [], check_used_subnets: true },
    });
  const says = (change: object): void => plugin("maker", `echo '${JSON.stringify({ ...network, ...change })}'`);
  says({ network_interface: "up0", subnets: [{ subnet: "10.9.0.0/24" }], "x-more": 1 });
  expect(podman.ok(asked("create"), wish())).toMatchObject({
    ...network,
    network_interface: "up0",
    subnets: [{ subnet: "10.9.0.0/24", gateway: "10.9.0.1" }],
    "x-more": 1,
  });
  expect(calls()).toEqual(["maker create"]);
  expect(JSON.parse(readFileSync(join(folder, "input"), "utf8"))).toEqual(network);
  expect(podman.refusal(asked("create"), wish({ name: "taken" }))).toBe("network already exists taken");
  expect(calls()).toEqual([]);
  for (const [change, word] of [
    [{ name: "other" }, "name"],
    [{ id: "b".repeat(64) }, "ID"],
    [{ driver: "bridge" }, "driver"],
  ] as const) {
    says(change);
    expect(podman.refusal(asked("create"), wish())).toBe(`maker plugin invalid result: changed network ${word}`);
  }
  plugin("maker", `echo '{"error":"not here"}'; exit 1`);
  expect(podman.refusal(asked("create"), wish())).toBe('plugin "maker" failed: exit code 1, message: not here');
});
