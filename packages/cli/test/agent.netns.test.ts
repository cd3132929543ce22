import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { AgentEvent, Status } from "@netkit/agent";
import { agentSocket } from "@netkit/agent/client";
import { expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let machine: Host;
onHosts((host) => (machine = host));

const ok = (...args: string[]): string => machine.ok(...args).trim();

function status(): Status {
  return JSON.parse(ok("agent", "status", "--json")) as Status;
}

function resolves(sandbox: string, name: string): boolean {
  return machine.netkit(["exec", sandbox, "--", "getent", "ahostsv4", name]).status === 0;
}

test("an agent starts when names need it, and ends by itself", async () => {
  ok("network", "create", "n");
  ok("sandbox", "create", "--name", "plain");
  expect(machine.netkit(["agent", "status"])).toMatchObject({ status: 3, stdout: "" });
  ok("sandbox", "create", "--name", "a", "--network", "n");
  const { pid, stays, nameServers } = status();
  expect({ stays, nameServers }).toEqual({ stays: false, nameServers: 1 });
  ok("sandbox", "create", "--name", "b", "--network", "n");
  expect(status()).toMatchObject({ pid, nameServers: 2 });
  expect(resolves("a", "b")).toBe(true);
  ok("sandbox", "rm", "a", "b");
  // 5 s after the last one has gone.
  const until = performance.now() + 30_000;
  while (existsSync(`/proc/${pid}`) && performance.now() < until) await setTimeout(100);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(existsSync(agentSocket(machine.root))).toBe(false);
  expect(readFileSync(join(machine.root, "agent.log"), "utf8")).toBe("");
});

test("a port of [::1] needs an agent, which stays as long as it is published", async () => {
  // Without names: those would need one, too.
  const config = join(machine.root, "config.json");
  ok("network", "create", "n");
  machine.run("sh", "-c", `echo '{"agent": false}' > ${config}`);
  ok("--config", config, "sandbox", "create", "--name", "a", "--network", "n");
  expect(machine.netkit(["--config", config, "port", "add", "a", "[::1]:8080:80"]).stderr).toContain("no agent");
  ok("port", "add", "a", "[::1]:8080:80");
  const { pid, stays, nameServers, reservedPorts } = status();
  expect({ stays, nameServers, reservedPorts }).toEqual({ stays: false, nameServers: 0, reservedPorts: 1 });
  expect(ok("port", "ls", "a")).toBe("80/tcp -> [::1]:8080");
  await setTimeout(7_000);
  expect(status().pid).toBe(pid);
  ok("port", "rm", "a", "80");
  const until = performance.now() + 30_000;
  while (existsSync(`/proc/${pid}`) && performance.now() < until) await setTimeout(100);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test("kill -9 of the agent breaks no connection, and everything is back with the next command", async () => {
  ok("network", "create", "n");
  ok("run", "-d", "--name", "web", "--network", "n", "-p", "8080:80", "--", process.execPath, "-e", server);
  ok("sandbox", "create", "--name", "a", "--network", "n");
  const chat = machine.start(["exec", "a", "--", process.execPath, "-e", client]);
  let heard = 0;
  chat.stdout?.on("data", () => heard++);
  await once(chat.stdout ?? chat, "data");
  const { pid } = status();
  process.kill(pid, "SIGKILL");
  while (existsSync(`/proc/${pid}`)) await setTimeout(5);
  expect(existsSync(agentSocket(machine.root))).toBe(true);
  const at = heard;
  await once(chat.stdout ?? chat, "data");
  expect(heard).toBeGreaterThan(at);
  expect(resolves("a", "web")).toBe(false);

  // Any change brings it back, one that needs no names too.
  ok("network", "create", "other");
  const next = status();
  expect(next.pid).not.toBe(pid);
  expect(next).toMatchObject({ nameServers: 2, reservedPorts: 1, watchedProcesses: 1 });
  expect(resolves("a", "web")).toBe(true);
  await once(chat.stdout ?? chat, "data");
  chat.kill("SIGTERM");
  await once(chat, "close");
});

const server = 'require("node:net").createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(80)';
/** Says something every 20 ms on one connection, and prints each answer. */
const client = `const connect = () => {
  const socket = require("node:net").connect(80, "web");
  socket.on("error", () => socket.pending === false ? process.exit(1) : setTimeout(connect, 20));
  socket.on("connect", () => setInterval(() => socket.write("x"), 20)).pipe(process.stdout);
};
connect();`;

test("twenty commands at the same time start one agent", async () => {
  ok("network", "create", "n");
  const started = Array.from({ length: 20 }, (_, index) =>
    machine.start(["sandbox", "create", "--name", `s${index}`, "--network", "n"]),
  );
  let complaints = "";
  for (const child of started) child.stderr?.on("data", (chunk) => (complaints += String(chunk)));
  const codes = await Promise.all(started.map(async (child) => ((await once(child, "close")) as [number])[0]));
  expect(codes).toEqual(started.map(() => 0));
  expect(complaints).toBe("");
  expect(readFileSync(join(machine.root, "agent.log"), "utf8")).toBe("");
  expect(status()).toMatchObject({ nameServers: 20, endpoints: 20 });
  for (let index = 0; index < 20; index++) expect(resolves("s0", `s${index}`), `s${index}`).toBe(true);
});

test("whoever listens at the same time has one agent started, also while the last one ends", async () => {
  const listeners = Array.from({ length: 4 }, () => machine.start(["events", "--json", "--since", "1h"]));
  const heard = listeners.map(async (child) => String(((await once(child.stdout ?? child, "data")) as [Buffer])[0]));
  const firsts = (await Promise.all(heard)).map((text) => JSON.parse(text.split("\n")[0] ?? "") as AgentEvent);
  expect(new Set(firsts.map(({ id }) => id))).toEqual(new Set([String(status().pid)]));
  for (const child of listeners) child.kill("SIGINT");
  await Promise.all(listeners.map(async (child) => await once(child, "exit")));
  const stopping = machine.start(["agent", "stop"]);
  while (existsSync(agentSocket(machine.root))) await setTimeout(1);
  const late = machine.start(["events", "--json", "--since", "1h"]);
  await once(late.stdout ?? late, "data");
  late.kill("SIGINT");
  await Promise.all([once(late, "exit"), stopping.exitCode ?? once(stopping, "exit")]);
  expect(readFileSync(join(machine.root, "agent.log"), "utf8")).toBe("");
});

test("events of a type that there isn't are refused before an agent is started", () => {
  const hint = "The types are agent, network, sandbox, endpoint, port.";
  const outcome = machine.netkit(["events", "--type", "port", "--type", "bogus"]);
  expect(outcome).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(hint) });
  expect(outcome.stderr).toContain('"bogus"');
  expect(existsSync(agentSocket(machine.root))).toBe(false);
});

test("events are filtered as with Docker, and end at a time, in the past or to come", () => {
  ok("network", "create", "n");
  ok("sandbox", "create", "--name", "a", "--network", "n");
  ok("network", "create", "m");
  ok("network", "connect", "m", "a");
  const shown = (...options: string[]): string[] =>
    ok("events", "--since", "1h", "--json", ...options)
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { type: string; action: string; name: string })
      .map(({ type, action, name }) => `${type} ${action} ${name}`);
  const past = ["--until", "0s"];
  expect(shown(...past, "--filter", "network=m")).toEqual(["network create m", "endpoint connect a@m"]);
  expect(shown(...past, "-f", "type=network", "-f", "type=endpoint", "-f", "event=connect")).toContain(
    "endpoint connect a@m",
  );
  expect(shown("--until", "1h")).toEqual([]);
  const later = new Date(Date.now() + 1_500);
  expect(shown("--until", later.toISOString(), "-f", "network=m", "-f", "event=create")).toEqual(["network create m"]);
  expect(Date.now()).toBeGreaterThanOrEqual(later.getTime());
  expect(machine.netkit(["events", "-f", "type=bogus"])).toMatchObject({ status: 2, stdout: "" });
  expect(machine.netkit(["events", "-f", "netwrok=n"]).stderr).toContain("Did you mean 'network'?");
  ok("sandbox", "rm", "a");
  ok("network", "rm", "n", "m");
});

test("where the configuration has no agent started, events start none", () => {
  machine.run("sh", "-c", `echo '{"agent": false}' > ${machine.root}/config.json`);
  const outcome = machine.netkit(["--config", "config.json", "events"]);
  expect(outcome).toMatchObject({ status: 3, stdout: "" });
  expect(outcome.stderr).toContain("the configuration has none started");
  expect(outcome.stderr).toContain("netkit agent");
  expect(existsSync(agentSocket(machine.root))).toBe(false);
});

test("an agent in the foreground tells a terminal that it serves", () => {
  expect(machine.netkit(["agent", "status"]).stderr).toContain("The next command of netkit's that needs one starts it");
  const log = join(machine.root, "typescript");
  const agent = `${process.execPath} ${machine.cli} agent`;
  const stop = `until ${agent} status; do sleep 0.1; done; ${agent} stop`;
  const begin = (command: string): string => {
    const started = `script -qec '${command}' ${log} </dev/null`;
    machine.run("sh", "-c", `(${stop}) >${machine.root}/stop 2>&1 & ${started}; wait`);
    return readFileSync(log, "utf8");
  };
  expect(begin(agent)).toContain(`serving ${machine.root}; Ctrl-C ends it\r\n`);
  // With a folder of its own for Docker's sockets.
  const apart = `unshare --mount sh -c "mkdir -p /run/docker && mount -t tmpfs netkit-test /run/docker && exec ${agent} --docker"`;
  expect(begin(apart)).toContain(`serving ${machine.root} and Docker; Ctrl-C ends it\r\n`);
  machine.run("ip", "address", "add", "192.0.2.7/32", "dev", "lo");
  const shared = begin(`${agent} --store etcd://me:secret@127.0.0.1:2379/x/?timeout-ms=500 --advertise 192.0.2.7`);
  expect(shared).toContain("; shares networks by etcd://127.0.0.1:2379/x/, reached by 192.0.2.7; Ctrl-C ends it\r\n");
});

test("a detached process with --rm takes its sandbox along at once", async () => {
  const run = ok("run", "-d", "--rm", "--name", "short", "--network", "none", "--json", "--", "sleep", "600");
  expect(status()).toMatchObject({ watchedProcesses: 1 });
  process.kill((JSON.parse(run) as { pid: number }).pid);
  const listening = machine.start(["events", "--json", "--since", "1m", "--type", "sandbox"]);
  let text = "";
  listening.stdout?.on("data", (chunk) => (text += String(chunk)));
  while (!text.includes('"remove"')) await once(listening.stdout ?? listening, "data");
  listening.kill("SIGINT");
  await once(listening, "close");
  const actions = text
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as AgentEvent).action);
  expect(actions.slice(-2)).toEqual(["die", "remove"]);
  expect(ok("sandbox", "ls", "-q")).toBe("");
});

test("by force, what was to go with its process is removed, whether or not an agent was faster", async () => {
  for (const name of ["one", "two", "three"]) {
    ok("run", "-d", "--rm", "--name", name, "--network", "none", "--", "sleep", "600");
    expect(ok("sandbox", "rm", "-f", name)).toBe(name);
  }
  ok("pod", "create", "--network", "none", "pod");
  for (const name of ["a", "b"]) ok("pod", "add", "-d", "--rm", "--name", name, "pod", "--", "sleep", "600");
  expect(ok("pod", "rm", "-f", "pod")).toBe("pod");
  const foreground = machine.start(["run", "--rm", "--name", "left", "--network", "none", "--", "sleep", "600"]);
  await expect.poll(() => ok("sandbox", "ls", "--format", "{{.State}}")).toBe("running");
  foreground.kill("SIGKILL");
  await once(foreground, "exit");
  expect(ok("sandbox", "rm", "-f", "left")).toBe("left");
  expect(ok("sandbox", "ls", "-q")).toBe("");
});

test("an agent that can't start is a warning that names its log, and the change stands", () => {
  ok("network", "create", "n");
  const config = join(machine.root, "config.json");
  machine.run("sh", "-c", `mkdir -p ${agentSocket(machine.root)}/in-its-place`);
  try {
    const outcome = machine.netkit(["sandbox", "create", "--name", "a", "--network", "n"]);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toMatch(/^warning: .*agent/m);
    expect(outcome.stderr).not.toContain("error:");
    expect(outcome.stderr).toContain(join(machine.root, "agent.log"));
    expect(ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("a");
    // Without one on purpose there is nothing to warn of.
    machine.run("sh", "-c", `echo '{"agent": false}' > ${config}`);
    ok("--config", config, "sandbox", "create", "--name", "b", "--network", "n");
    expect(ok("exec", "b", "--", "cat", "/etc/resolv.conf")).not.toContain("127.0.0.11");
  } finally {
    machine.run("sh", "-c", `rm -r ${agentSocket(machine.root)}`);
  }
});

test("a full disk takes no log, and ends no agent", async () => {
  machine.run("mount", "-t", "tmpfs", "-o", "size=1536k", "netkit-test", machine.root);
  try {
    ok("network", "create", "n");
    ok("sandbox", "create", "--name", "a", "--network", "n");
    const run = ok("run", "-d", "--rm", "--name", "short", "--network", "n", "--json", "--", "sleep", "600");
    const { pid } = status();
    machine.run("sh", "-c", `dd if=/dev/zero of=${machine.root}/ballast bs=4k 2>/dev/null || true`);
    process.kill((JSON.parse(run) as { pid: number }).pid);
    await heard("agent", "degraded");
    expect(machine.netkit(["exec", "a", "--", "getent", "ahostsv4", "short"])).toMatchObject({ status: 0, stderr: "" });
    machine.run("rm", join(machine.root, "ballast"));
    await heard("sandbox", "remove");
    expect(status().pid).toBe(pid);
    expect(ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("a");
    ok("sandbox", "rm", "a");
    ok("network", "rm", "n");
    ok("agent", "stop");
  } finally {
    machine.run("umount", "--lazy", machine.root);
  }
});

/** Waits until the agent has told of that, in its whole life. */
async function heard(type: string, action: string): Promise<void> {
  const listening = machine.start(["events", "--json", "--since", "1h", "--type", type]);
  let text = "";
  listening.stdout?.on("data", (chunk) => (text += String(chunk)));
  while (!text.includes(`"action":"${action}"`)) await once(listening.stdout ?? listening, "data");
  listening.kill("SIGINT");
  await once(listening, "close");
}

test("agents that all others have left alone in a mount namespace end, unless they serve processes", async () => {
  using roots = new DisposableStack();
  const [first, second] = [1, 2].map(() => {
    const root = mkdtempSync(join(tmpdir(), "netkit-cli-"));
    roots.defer(() => rmSync(root, { recursive: true }));
    return `${process.execPath} ${machine.cli} --root ${root}`;
  });
  const script = [
    "for at in /run/netns /etc/netns /run/netkit; do mkdir -p $at && mount -t tmpfs netkit-test $at; done",
    "ip link set lo up",
    `${first} network create n`,
    `${first} run -d --json --name a --network n -- sleep 600`,
    `${first} agent status --json`,
    `${second} network create n`,
    `${second} sandbox create --name b --network n`,
    `${second} agent status --json`,
  ].join(" && ");
  const outcome = machine.attempt("unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script);
  expect(outcome.stderr).toBe("");
  const [child = 0, ...agents] = [...outcome.stdout.matchAll(/"pid": ?(\d+)/g)].map(([, digits]) => Number(digits));
  expect(agents).toHaveLength(2);
  await setTimeout(8_000);
  // They see what the process has mounted.
  for (const pid of agents) expect(existsSync(`/proc/${pid}`)).toBe(true);
  process.kill(child, "SIGKILL");
  const until = performance.now() + 30_000;
  while (agents.some((pid) => existsSync(`/proc/${pid}`)) && performance.now() < until) await setTimeout(100);
  for (const pid of agents) expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test("a second agent is refused, and stop says what it did and what no longer works", () => {
  ok("network", "create", "n");
  ok("sandbox", "create", "--network", "n");
  const second = machine.netkit(["agent"]);
  expect(second.status).toBe(4);
  expect(second.stderr).toContain("runs already");
  const { status: code, stdout, stderr } = machine.netkit(["agent", "stop"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(/^warning: names aren't served in 1 sandbox any more\nhint: .* netkit doctor --repair\n$/);
  expect(ok("agent", "stop")).toBe("No agent runs.");
});

test("doctor tells of names and ports that no agent serves, and starts one to repair it", () => {
  ok("network", "create", "n");
  ok("sandbox", "create", "--name", "a", "--network", "n");
  ok("sandbox", "create", "--name", "b", "--network", "n");
  ok("sandbox", "create", "--name", "beside", "--network", "container:b");
  ok("network", "connect", "--publish", "[::1]:8080:80", "bridge", "a");
  expect(ok("doctor")).toContain("all is well");
  expect(machine.netkit(["agent", "stop"]).stderr).toContain("in 2 sandboxes");
  expect(resolves("a", "b")).toBe(false);

  const sick = machine.netkit(["doctor"]);
  expect(sick.status).toBe(9);
  expect(sick.stdout.split("\n")).toEqual([
    "network n",
    "  unserved  names of network 'n' aren't served in 'a', 'b', 'beside': no agent answers",
    "endpoint a@bridge",
    "  unserved  port [::1]:8080/tcp of endpoint a@bridge isn't served: no agent answers",
    expect.stringMatching(/^[0-9]+ resources compared: 2 problems$/),
    "Mend them with 'netkit doctor --repair'.",
    "",
  ]);
  expect(machine.netkit(["doctor", "--repair", "--dry-run"]).status).toBe(9);
  expect(machine.netkit(["agent", "status"]).status).toBe(3);
  expect(ok("doctor", "--repair")).toMatch(/: 2 repaired, all is well now$/);
  expect(status()).toMatchObject({ nameServers: 2 });
  expect(resolves("a", "b")).toBe(true);
  expect(ok("doctor")).toContain("all is well");
});

test("names that can't be served, for no agent starts, are left over by repair", () => {
  ok("network", "create", "n");
  ok("sandbox", "create", "--name", "a", "--network", "n");
  machine.netkit(["agent", "stop"]);
  machine.run("mkdir", "-p", `${agentSocket(machine.root)}/in-its-place`);
  try {
    const outcome = machine.netkit(["doctor", "--repair"]);
    expect(outcome.status).toBe(9);
    expect(outcome.stdout).toContain("  unserved  names of network 'n' aren't served in 'a'");
    expect(outcome.stderr).toMatch(/^warning: /);
  } finally {
    machine.run("rm", "-r", agentSocket(machine.root));
  }
});

test("an agent has the settings of who started it, wherever they were given from", () => {
  machine.run("sh", "-c", `mkdir ${machine.root}/cfg && echo '{"firewall": "nftables"}' > ${machine.root}/cfg/c.json`);
  ok("--config", "cfg/c.json", "network", "create", "n");
  ok("--config", "cfg/c.json", "sandbox", "create", "--name", "a", "--network", "n");
  machine.netkit(["agent", "stop"]);
  const env = { NETKIT_CONFIG: "cfg/c.json", NETKIT_FIREWALL: "nftables" };
  const outcome = machine.netkit(["sandbox", "create", "--name", "b", "--network", "n"], { env });
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  expect(status()).toMatchObject({ nameServers: 2 });
  expect(machine.netkit(["agent", "install", "--print"], { env }).stdout).toContain(
    ` --root ${machine.root} --config ${machine.root}/cfg/c.json --firewall nftables\n`,
  );
});

test("the unit for systemd names this program and this root", () => {
  const unit = ok("agent", "install", "--print");
  expect(unit).toContain(
    `ExecStart=${process.execPath} --max-semi-space-size=2 ${machine.cli} agent --root ${machine.root}\n`,
  );
  for (const line of ["Type=notify", "Restart=always", "KillMode=process"]) expect(unit).toContain(`${line}\n`);
});

test("without systemd no unit is left behind, and one that is there is removed", () => {
  const folder = "/etc/systemd/system";
  const script = `mkdir -p ${folder} && mount -t tmpfs tmpfs ${folder} || exit
netkit() { PATH=/nowhere "$@" || echo "status $?"; }
netkit "$@" install; ls ${folder}
netkit "$@" install --no-start; netkit "$@" uninstall; ls ${folder}`;
  const agent = [process.execPath, "--", machine.cli, "agent"];
  const { stdout, stderr } = machine.attempt("unshare", "--mount", "sh", "-c", script, "sh", ...agent);
  const path = expect.stringMatching(/^\/etc\/systemd\/system\/netkit-agent-\w+\.service$/) as unknown;
  expect(stdout.trim().split("\n")).toEqual(["status 10", path, path]);
  expect(stderr).toContain("systemctl daemon-reload failed");
  expect(stderr).toMatch(/warning: systemctl disable .* the unit is removed all the same/);
});
