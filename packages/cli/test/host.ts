import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentSocket } from "@netkit/agent/client";
import { instanceOf } from "@netkit/core";
import { lastingRules } from "@netkit/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

const folder = join(import.meta.dirname, "..");

/** The bundle as it is published, in a folder of this process. */
interface Bundle extends Disposable {
  readonly path: string;
}

function bundle(): Bundle {
  const outdir = `dist/test-${process.pid}`;
  execFileSync(process.execPath, ["build.mjs", outdir], { cwd: folder });
  return {
    path: join(folder, outdir, "netkit.js"),
    [Symbol.dispose]: () => rmSync(join(folder, outdir), { recursive: true }),
  };
}

export interface Outcome {
  /** The exit status, or the name of the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

interface Traces {
  readonly links: readonly string[];
  readonly rules: string;
  readonly namespaces: readonly string[];
  readonly files: readonly string[];
}

/** A network namespace that plays a host, with a state directory of its own. */
export interface Host extends Disposable {
  readonly root: string;
  /** Opens its network namespace. */
  readonly path: string;
  /** The path of the command. */
  readonly cli: string;
  /** Runs the CLI on it. */
  netkit(args: readonly string[], options?: RunOptions): Outcome;
  /** Runs the CLI on it, expects success without a word on stderr, and returns what it printed. */
  ok(...args: string[]): string;
  /** Starts the CLI on it. */
  start(args: readonly string[]): ChildProcess;
  /** Runs a program on it, whatever comes of it. */
  attempt(program: string, ...args: string[]): Outcome;
  /** Runs a program on it and returns what it printed; throws if it fails. */
  run(program: string, ...args: string[]): string;
  /** What can be left behind: links and rules of the host, this instance's named namespaces and their files. */
  traces(): Traces;
  /** Removes all sandboxes and networks, and ends the agent. */
  clear(): void;
  /** The end of a test: all is removed, the leak check made, the host disposed of. */
  leave(): void;
}

/** Has each test of the file run on a host of its own, which `use` is given before, and end with nothing left there. */
export function onHosts(use: (host: Host) => void): void {
  let built: Bundle;
  let machine: Host;
  beforeAll(() => {
    built = bundle();
  });
  afterAll(() => built[Symbol.dispose]());
  beforeEach(() => {
    machine = host(built.path);
    use(machine);
  });
  afterEach(() => machine.leave());
}

let count = 0;

export function host(cli: string): Host {
  const name = `nkcli-${process.pid}-${++count}`;
  const root = mkdtempSync(join(tmpdir(), "netkit-cli-"));
  const { mark } = instanceOf(root);
  // `ip netns exec` would give each call a mount namespace, in which the sandboxes of others aren't mounted.
  const inside = [`--net=/run/netns/${name}`, "--"];
  const environment = (env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    ...process.env,
    NETKIT_ROOT: root,
    NETKIT_CONFIG: undefined,
    NO_COLOR: undefined,
    FORCE_COLOR: undefined,
    ...env,
  });
  const run = (program: string, ...args: string[]): string =>
    execFileSync("nsenter", [...inside, program, ...args], { encoding: "utf8", env: environment() });
  execFileSync("ip", ["netns", "add", name]);
  run("ip", "link", "set", "lo", "up");
  const attempt = (words: readonly string[], { input = "", env, cwd = root }: RunOptions = {}): Outcome => {
    const options = { input, cwd, env: environment(env), encoding: "utf8" } as const;
    const done = spawnSync("nsenter", [...inside, ...words], options);
    return { status: done.status ?? done.signal ?? "", stdout: done.stdout, stderr: done.stderr };
  };
  const netkit: Host["netkit"] = (args, options) => attempt([process.execPath, "--", cli, ...args], options);
  const traces = (): Traces => ({
    links: (JSON.parse(run("ip", "-j", "link")) as { ifname: string }[]).map(({ ifname }) => ifname),
    rules: lastingRules(run("nft", "list", "ruleset")),
    namespaces: listed("/run/netns").filter((entry) => entry.includes(mark)),
    files: listed("/etc/netns").filter((entry) => entry.includes(mark)),
  });
  const before = traces();
  const clear = (): void => {
    const left = netkit(["sandbox", "ls", "-q"]).stdout.split("\n").filter(Boolean);
    if (left.length > 0) netkit(["sandbox", "rm", "-f", ...left]);
    netkit(["network", "prune"]);
    if (existsSync(agentSocket(root))) netkit(["agent", "stop"]);
  };
  const dispose = (): void => {
    execFileSync("ip", ["netns", "del", name]);
    rmSync(root, { recursive: true });
  };
  return {
    root,
    path: `/run/netns/${name}`,
    cli,
    netkit,
    ok: (...args) => {
      const { status, stdout, stderr } = netkit(args);
      expect({ status, stderr }, args.join(" ")).toEqual({ status: 0, stderr: "" });
      return stdout;
    },
    attempt: (...words) => attempt(words),
    start: (args) =>
      spawn("nsenter", [...inside, process.execPath, "--", cli, ...args], { env: environment(), cwd: root }),
    run,
    traces,
    clear,
    leave() {
      try {
        clear();
        const left = traces();
        // The predefined network's bridge, called as the instance, stays from its first endpoint on, and its rules with it.
        const stays = left.links.includes(mark) ? { links: [...before.links, mark], rules: left.rules } : {};
        expect({ ...left, agent: existsSync(agentSocket(root)) }).toEqual({ ...before, ...stays, agent: false });
      } finally {
        dispose();
      }
    },
    [Symbol.dispose]() {
      clear();
      dispose();
    },
  };
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
