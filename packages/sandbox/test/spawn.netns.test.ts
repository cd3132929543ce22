import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bootId, isAlive, spawnInSandbox, stop } from "../src/index.ts";
import { collect, keepSurroundings, makeDirectory, makeNamespace } from "./fixture.ts";

keepSurroundings();

const code = (code: string, details: object = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) as unknown });

describe("the command sees", () => {
  test("its namespace's links, in netlink and in /sys", async () => {
    const namespacePath = makeNamespace();
    execFileSync("ip", ["-n", namespacePath.slice("/run/netns/".length), "link", "add", "br7", "type", "bridge"]);
    const netlink = await collect({ namespacePath, command: ["ip", "-j", "link"] });
    const links = (JSON.parse(netlink.stdout) as { ifname: string }[]).map((link) => link.ifname);
    expect(links).toContain("br7");
    const sys = await collect({ namespacePath, command: ["ls", "/sys/class/net"] });
    expect(sys.stdout.trim().split("\n")).toEqual(expect.arrayContaining(links));
    expect(sys.stdout).not.toContain("eth0");
  });

  test("the host's cgroups", async () => {
    const { stdout } = await collect({ namespacePath: makeNamespace(), command: ["ls", "/sys/fs/cgroup"] });
    expect(stdout.trim().split("\n").filter(Boolean)).toEqual(readdirSync("/sys/fs/cgroup").toSorted());
  });

  test("its own files and hostname", async () => {
    const filesDirectory = makeDirectory({
      "resolv.conf": "nameserver 192.0.2.53\n",
      hosts: "192.0.2.1 only-here\n",
      hostname: "inside\n",
      "netkit-no-such-file": "",
    });
    const options = { namespacePath: makeNamespace(), filesDirectory, hostname: "inside", domainname: "example.test" };
    const names = "hostname; cat /proc/sys/kernel/domainname; getent hosts only-here";
    const command = ["sh", "-c", `cd /etc; cat resolv.conf hosts hostname; ${names}`];
    const { stdout } = await collect({ ...options, command });
    expect(stdout).toMatch(
      /^nameserver 192.0.2.53\n192.0.2.1 only-here\ninside\ninside\nexample.test\n192.0.2.1 +only-here\n$/,
    );
    const child = spawnInSandbox({ ...options, stdio: "ignore", command: ["true"] });
    expect(child.uncoveredFiles).toEqual(["netkit-no-such-file"]);
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test("its arguments and environment as they were given", async () => {
    const odd = `a b'"$(id)\`id\`\n\\ ; # *`;
    const env = {
      PATH: "/usr/bin:/bin",
      ODD: odd,
      "a.b-c": odd,
      IFS: "x",
      OPTIND: "7",
      netkit_mount: "mine",
      EMPTY: "",
    };
    const options = { namespacePath: makeNamespace(), cwd: "/" };
    const variables = await collect({ ...options, env, command: ["env", "-0"] });
    const seen = variables.stdout.split("\0").filter(Boolean).toSorted();
    expect(seen).toEqual(
      Object.entries(env)
        .map((pair) => pair.join("="))
        .toSorted(),
    );
    const args = ["--", odd, "", "-c", "$1"];
    const printed = await collect({ ...options, command: ["printf", "%s|", ...args] });
    expect(printed.stdout).toBe(`${["--", odd, "", "-c", "$1"].join("|")}|`);
  });

  test("three descriptors, its directory, and the pid that spawn gave", async () => {
    const cwd = makeDirectory();
    const command = ["sh", "-c", "echo $$; pwd; ls /proc/self/fd"];
    const { stdout, pid } = await collect({ namespacePath: makeNamespace(), cwd, command });
    const bare = spawnSync("ls", ["/proc/self/fd"], { encoding: "utf8" });
    expect(stdout).toBe(`${pid}\n${cwd}\n${bare.stdout}`);
  });

  test("the ids that were asked for, and no more groups", async () => {
    const command = ["sh", "-c", "id -u; id -g; id -G"];
    const { stdout } = await collect({ namespacePath: makeNamespace(), uid: 65534, gid: 1234, command });
    expect(stdout).toBe("65534\n1234\n1234\n");
  });

  test("its input", async () => {
    const { stdout } = await collect({ namespacePath: makeNamespace(), command: ["cat"] }, "passed\n");
    expect(stdout).toBe("passed\n");
  });

  test("the host's network when no namespace is given", async () => {
    const command = ["sh", "-c", "readlink /proc/self/ns/net; ls /sys/class/net; hostname"];
    const { stdout } = await collect({ hostname: "other", command });
    const bare = spawnSync("sh", ["-c", "readlink /proc/self/ns/net; ls /sys/class/net"], { encoding: "utf8" });
    expect(stdout).toBe(`${bare.stdout}other\n`);
  });
});

describe("the end", () => {
  test("exit code and signal are the command's own", async () => {
    const namespacePath = makeNamespace();
    expect(await collect({ namespacePath, command: ["sh", "-c", "exit 42"] })).toMatchObject({
      code: 42,
      signal: null,
    });
    const child = spawnInSandbox({ namespacePath, command: ["sleep", "100"], stdio: "ignore" });
    await child.started;
    expect(child.kill("SIGUSR2")).toBe(true);
    expect(await child.exited).toEqual({ code: null, signal: "SIGUSR2" });
    expect(child.kill()).toBe(false);
  });

  test("an aborted signal ends it with SIGTERM, or starts nothing", async () => {
    const namespacePath = makeNamespace();
    const controller = new AbortController();
    const options = { namespacePath, command: ["sleep", "100"], stdio: "ignore", signal: controller.signal } as const;
    const child = spawnInSandbox(options);
    controller.abort();
    expect(await child.exited).toEqual({ code: null, signal: "SIGTERM" });
    expect(() => spawnInSandbox(options)).toThrow(expect.objectContaining({ code: "CANCELLED" }));
  });

  test("output is appended to a log", async () => {
    const log = join(makeDirectory({ log: "before\n" }), "log");
    const options = { namespacePath: makeNamespace(), stdio: { log } };
    const child = spawnInSandbox({ ...options, command: ["sh", "-c", "echo out; echo err >&2"] });
    await child.exited;
    expect(readFileSync(log, "utf8")).toBe("before\nout\nerr\n");
  });

  test("a detached child outlives its starter, in a session of its own", async () => {
    const index = join(import.meta.dirname, "../src/index.ts");
    const options = { namespacePath: makeNamespace(), command: ["sleep", "100"], detached: true };
    const starter = `import { bootId, spawnInSandbox } from ${JSON.stringify(index)};
      const child = spawnInSandbox(${JSON.stringify(options)});
      await child.started;
      child.unref();
      console.log(JSON.stringify({ pid: child.pid, startTime: child.startTime, boot: bootId() }));`;
    const args = ["--input-type=module", "-e", starter];
    const identity = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as {
      pid: number;
      startTime: string;
      boot: string;
    };
    expect(identity.boot).toBe(bootId());
    expect(isAlive(identity)).toBe(true);
    expect(readFileSync(`/proc/${identity.pid}/comm`, "utf8")).toBe("sleep\n");
    expect(execFileSync("ps", ["-o", "sid=,tty=", "-p", String(identity.pid)], { encoding: "utf8" })).toMatch(
      new RegExp(`^ *${identity.pid} +\\?`),
    );
    await stop(identity, 10_000);
    expect(isAlive(identity)).toBe(false);
  });
});

const start = (options: object) => () => spawnInSandbox({ command: ["true"], stdio: "ignore", ...options });

describe("refused before anything starts", () => {
  test("a command that isn't there, or no program", () => {
    const namespacePath = makeNamespace();
    const plain = join(makeDirectory({ plain: "" }), "plain");
    const start = (command: string) => () => spawnInSandbox({ namespacePath, command: [command], stdio: "ignore" });
    expect(start("netkit-no-such")).toThrow(code("COMMAND", { exitCode: 127 }));
    expect(start(plain)).toThrow(code("COMMAND", { exitCode: 126 }));
  });

  test("a namespace, hostname, directory or log that can't be", () => {
    expect(start({ namespacePath: "/run/netns/netkit-none" })).toThrow(code("NAMESPACE_NOT_FOUND"));
    expect(start({ namespacePath: "/etc/hosts" })).toThrow(code("NAMESPACE_NOT_FOUND"));
    expect(start({ namespacePath: "/proc/self/ns/uts" })).toThrow(code("NAMESPACE_NOT_FOUND"));
    expect(start({ hostname: "a b" })).toThrow(code("NAME_INVALID"));
    expect(start({ cwd: "/netkit-none" })).toThrow(code("ARGUMENT_INVALID"));
    expect(start({ filesDirectory: "/netkit-none" })).toThrow(code("COMMAND"));
    expect(start({ stdio: { log: "/netkit-none/log" } })).toThrow(code("STATE_UNWRITABLE"));
    expect(start({ stdio: "inherit", detached: true })).toThrow(TypeError);
  });

  test("more arguments than the kernel takes", () => {
    const command = ["true", "x".repeat(200_000)];
    expect(() => spawnInSandbox({ namespacePath: makeNamespace(), command, stdio: "ignore" })).toThrow(code("COMMAND"));
  });
});

test("a file that vanishes before it is mounted is told, and the command never runs", async () => {
  // The kernel refuses to mount a file over a directory, as it would one that is gone by then.
  const filesDirectory = makeDirectory({ "init.d": "" });
  const child = spawnInSandbox({ filesDirectory, command: ["sh", "-c", "echo ran"], stdio: "ignore" });
  await expect(child.started).rejects.toMatchObject({ code: "COMMAND", details: { exitCode: 125 } });
  expect(await child.exited).toEqual({ code: 125, signal: null });
});

test("20 started at once land each in its own namespace", async () => {
  const paths = Array.from({ length: 20 }, makeNamespace);
  const runs = paths.map(async (namespacePath) => {
    const run = await collect({ namespacePath, command: ["readlink", "/proc/self/ns/net"] });
    return run.stdout.trim();
  });
  expect(await Promise.all(runs)).toEqual(paths.map((path) => `net:[${statSync(path).ino}]`));
});
