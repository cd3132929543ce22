import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";

/** What a process that is nothing but an agent is called; at most 15 bytes (proc(5), comm). */
const agentName = "netkit-agent";

/** Names this process, as ps and pgrep show it, so that agents know each other. */
export function nameAgentProcess(): void {
  writeFileSync("/proc/self/comm", agentName);
}

/** A file or directory as it was: another one at its path is none of it. */
export class Footing {
  readonly #path: string;
  readonly #identity: Identity | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#identity = identityOf(path);
  }

  get holds(): boolean {
    const now = identityOf(this.#path);
    return now !== undefined && now.dev === this.#identity?.dev && now.ino === this.#identity.ino;
  }
}

interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** One that can't be looked at is gone: a file system may have been taken away from under it. */
function identityOf(path: string): Identity | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/**
 * Whether no other process has the file system of a directory mounted, but for agents, which ask nobody: a mount namespace
 * that all others have left. What listens in there is out of everybody's reach, and so are the namespaces that are mounted
 * there alone.
 */
export function isOutOfReach(directory: string): boolean {
  const own = readLink("/proc/self/ns/mnt");
  // Nearly always so, and found without listing all processes.
  if (process.pid !== 1 && readLink("/proc/1/ns/mnt") === own) return false;
  const seen = new Set<string>();
  let device: string | undefined;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const mounts = readLink(`/proc/${pid}/ns/mnt`);
    // It has just ended, or it is out of sight.
    if (mounts === undefined || seen.has(mounts) || isAgent(pid)) continue;
    seen.add(mounts);
    if (mounts === own) return false;
    device ??= deviceOf(directory);
    if (device === undefined || mountedDevices(pid).has(device)) return false;
  }
  return true;
}

/** As in mountinfo, `major:minor`; undefined: there is no such directory, or none of a file system with one device (btrfs). */
function deviceOf(directory: string): string | undefined {
  const dev = identityOf(directory)?.dev;
  if (dev === undefined) return undefined;
  // makedev(3), as glibc packs it.
  const major = ((dev >> 32n) & 0xfffff000n) | ((dev >> 8n) & 0xfffn);
  const minor = ((dev >> 12n) & 0xffffff00n) | (dev & 0xffn);
  const device = `${major}:${minor}`;
  return mountedDevices("self").has(device) ? device : undefined;
}

/** proc(5): the third field of each line. */
function mountedDevices(pid: string): Set<string> {
  try {
    const lines = readFileSync(`/proc/${pid}/mountinfo`, "latin1").split("\n");
    return new Set(lines.map((line) => line.split(" ", 3)[2] ?? ""));
  } catch {
    return new Set();
  }
}

function isAgent(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trimEnd() === agentName;
  } catch {
    return true; // It has just ended.
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
