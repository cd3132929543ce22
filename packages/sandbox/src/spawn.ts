import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, statSync, unlinkSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { NetkitError } from "@netkit/core";
import { withNamespace } from "@netkit/netlink";
import { parseHostname } from "./files.ts";
import { namespaceError } from "./namespaces.ts";
import { processStartTime } from "./process.ts";
import { checkCommand, findTool } from "./program.ts";
import { distortedVariables, inventedVariables, setupScript } from "./setup.ts";

export interface SpawnOptions {
  /** Program and arguments; the program is looked up in `env.PATH` when it holds no '/'. */
  readonly command: readonly string[];
  /** The network namespace; undefined: the caller's own, where /sys stays as it is. */
  readonly namespacePath?: string;
  /** At most 64 bytes (HOST_NAME_MAX). Absent: the host's. */
  readonly hostname?: string;
  /** The NIS domain name, as setdomainname(2) sets it. Absent: the host's. */
  readonly domainname?: string;
  /** Each file in it is seen at /etc, over the host's (`/etc/netns/<name>`, as `ip netns exec` does). */
  readonly filesDirectory?: string;
  /** The whole environment; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Absent: the caller's. With either, supplementary groups are dropped. */
  readonly uid?: number;
  readonly gid?: number;
  /** Default "inherit", or "ignore" when detached. `log`: stdout and stderr are appended to that file. */
  readonly stdio?: "inherit" | "pipe" | "ignore" | { readonly log: string };
  /** A session and process group of its own, without a terminal; call `unref` to let the caller end first. */
  readonly detached?: boolean;
  /** Aborting it sends SIGTERM. */
  readonly signal?: AbortSignal;
}

/** How a process ended: one of both is set, as waitpid(2) tells it. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SandboxChild {
  /** The command's own pid: it replaces what prepared its surroundings. */
  readonly pid: number;
  /** Field 22 of /proc/pid/stat. */
  readonly startTime: string;
  /**
   * Settles once the sandbox's surroundings are made and the command takes over; rejects with COMMAND when they can't
   * be made (`exited` then says 125). Nobody has to look at it.
   */
  readonly started: Promise<void>;
  readonly exited: Promise<ExitStatus>;
  /** Files of the directory that aren't seen in the sandbox, because the host has no file of that name to cover. */
  readonly uncoveredFiles: readonly string[];
  /** With stdio "pipe". */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** False: it has ended already. */
  kill(signal?: NodeJS.Signals | number): boolean;
  /** Let the calling process end while the child runs. */
  unref(): void;
}

/**
 * Start `command` in a network namespace, with mount and UTS namespaces of its own.
 *
 * The fork happens within the call, on the calling thread, while that thread is in the namespace; the caller's own
 * namespaces and directory are as before when it returns.
 *
 * @throws NetkitError COMMAND (`details.exitCode` 127 not found, 126 not executable), NAMESPACE_NOT_FOUND, PERMISSION,
 * TOOL_MISSING, ARGUMENT_INVALID, CANCELLED: nothing was started then.
 */
export function spawnInSandbox(options: SpawnOptions): SandboxChild {
  const { namespacePath, env = process.env, cwd, detached = false, signal } = options;
  if (signal?.aborted) throw new NetkitError("CANCELLED", "the caller gave up", { cause: signal.reason });
  const stdio = options.stdio ?? (detached ? "ignore" : "inherit");
  if (detached && stdio === "inherit") throw new TypeError("A detached process can't inherit stdio");
  checkStart({ command: options.command, env, cwd });
  const [program = ""] = options.command;

  const files = filesOf(options.filesDirectory);
  const [file, ...args] = commandLine(options, env, files.covering);
  const log = typeof stdio === "object" ? openLog(stdio.log) : undefined;
  const start = (): ChildProcess =>
    spawn(file, args, {
      env,
      detached,
      ...(cwd === undefined ? {} : { cwd }),
      stdio: [...(log === undefined ? stream3(stdio as "pipe") : (["ignore", log, log] as const)), "pipe"],
    });
  try {
    const child = namespacePath === undefined ? start() : withNamespace(namespacePath, start);
    return wrap(child, program, files.uncovered, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === "spawn") throw startError(program, error);
    throw namespacePath === undefined ? error : namespaceError(error, namespacePath);
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

function stream3<T>(stdio: T): readonly [T, T, T] {
  return [stdio, stdio, stdio];
}

/** `unshare ... sh -c <setup> ... -- [setpriv ...] [env ...] command`. */
function commandLine(options: SpawnOptions, env: NodeJS.ProcessEnv, files: readonly string[]): [string, ...string[]] {
  const { uid, gid, namespacePath, filesDirectory = "" } = options;
  const lost = distortedVariables(env);
  const ids = [...(uid === undefined ? [] : [`--reuid=${uid}`]), ...(gid === undefined ? [] : [`--regid=${gid}`])];
  const [hostname, domainname] = [options.hostname, options.domainname].map((name) =>
    name === undefined ? "" : parseHostname(name),
  ) as [string, string];
  return [
    findTool("unshare"),
    "--mount",
    "--uts",
    "--propagation=slave",
    findTool("sh"),
    "-c",
    setupScript,
    "netkit",
    findTool("mount"),
    namespacePath === undefined ? "" : "sysfs",
    hostname,
    domainname,
    filesDirectory,
    inventedVariables(env),
    ...files,
    "--",
    ...(ids.length === 0 ? [] : [findTool("setpriv"), ...ids, "--clear-groups", "--"]),
    ...(lost.length === 0 ? [] : [findTool("env"), ...lost]),
    ...options.command,
  ];
}

function wrap(
  child: ChildProcess,
  program: string,
  uncoveredFiles: readonly string[],
  signal: AbortSignal | undefined,
): SandboxChild {
  const { pid } = child;
  if (pid === undefined) {
    // Node tells why in an event that comes too late for this call.
    child.on("error", () => {});
    throw startError(program);
  }
  const startTime = processStartTime(pid) ?? "";
  const status = child.stdio[3] as Readable & { unref(): void };
  const started = setupResult(status, program);
  started.catch(() => {});
  const kill = (name: NodeJS.Signals | number = "SIGTERM"): boolean => child.kill(name);
  const abort = (): void => void kill();
  signal?.addEventListener("abort", abort, { once: true });
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, name) => {
      signal?.removeEventListener("abort", abort);
      resolve({ code, signal: name });
    });
  });
  return {
    pid,
    startTime,
    started,
    exited,
    uncoveredFiles,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    kill,
    unref() {
      child.unref();
      status.unref();
    },
  };
}

function startError(program: string, cause?: unknown): NetkitError {
  return new NetkitError("COMMAND", `can't start a process for ${program}`, {
    hint: "The command line is too long, or processes, memory or file descriptors have run out.",
    details: { command: program },
    cause,
  });
}

async function setupResult(status: Readable, program: string): Promise<void> {
  let text = "";
  for await (const chunk of status.setEncoding("utf8")) text += String(chunk);
  if (text === "") return;
  throw new NetkitError("COMMAND", `can't prepare the sandbox for ${program}: ${text.trim()}`, {
    hint: "Look at the sandbox's files with `netkit doctor`.",
    details: { command: program, exitCode: 125, stderr: text },
  });
}

/**
 * The names in `directory`, by whether /etc has such a file to mount over. `ip netns exec` complains about a missing
 * one and goes on; netkit goes on too and tells its caller, since making the file would change the host.
 */
function filesOf(directory: string | undefined): { covering: string[]; uncovered: string[] } {
  if (directory === undefined) return { covering: [], uncovered: [] };
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  } catch (error) {
    throw new NetkitError("COMMAND", `can't read the sandbox's files in ${directory}`, {
      hint: "`netkit doctor --repair` makes them again.",
      details: { path: directory },
      cause: error,
    });
  }
  const [covering, uncovered]: [string[], string[]] = [[], []];
  for (const name of names.filter((name) => name !== "--")) {
    (existsSync(`/etc/${name}`) ? covering : uncovered).push(name);
  }
  return { covering, uncovered };
}

/**
 * Whether a command is there, and can be started with this directory and log, before anything is made for it. A sandbox's
 * programs are the host's: it sees the host's root file system, but for files in /etc and for /sys.
 * @throws NetkitError COMMAND (`details.exitCode` 127 not found, 126 not executable), ARGUMENT_INVALID, STATE_UNWRITABLE
 */
export function checkStart({
  command: [program = ""],
  env = process.env,
  cwd,
  log,
}: Pick<SpawnOptions, "command" | "env"> & {
  readonly cwd?: string | undefined;
  readonly log?: string | undefined;
}): void {
  checkDirectory(cwd);
  checkCommand(program, env["PATH"], cwd);
  if (log === undefined) return;
  const isNew = !existsSync(log);
  closeSync(openLog(log));
  if (isNew) unlinkSync(log);
}

function openLog(path: string): number {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw new NetkitError("STATE_UNWRITABLE", `can't write the log ${path}: ${(error as Error).message}`, {
      hint: "Name a file in a directory that exists and can be written to.",
      details: { path },
      cause: error,
    });
  }
}

function checkDirectory(cwd: string | undefined): void {
  if (cwd === undefined || statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new NetkitError("ARGUMENT_INVALID", `working directory ${cwd} is no directory`, {
    hint: "It is one of the host's: make it first, or name another one.",
    details: { cwd },
  });
}
