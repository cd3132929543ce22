import { readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { NetkitError, isNetkitError, type Namespace } from "@netkit/core";
import { isNetlinkError, namespaceCookie } from "@netkit/netlink";
import { readStat } from "./process.ts";

/** What tells a network namespace from others. */
export interface NamespaceIdentity {
  /** SO_NETNS_COOKIE, decimal: never given twice until the next boot. */
  readonly cookie: Namespace["cookie"];
  /** Of nsfs; the number is free for another namespace once this one is gone. */
  readonly inode: bigint;
  readonly dev: bigint;
}

/** Where programs keep namespaces by name: iproute2 (and netkit), Docker. */
const directories = ["/run/netns", "/run/docker/netns"];

/** @throws NetkitError NAMESPACE_NOT_FOUND, PERMISSION */
export function identifyNamespace(path: string): NamespaceIdentity {
  try {
    const cookie = namespaceCookie(path).toString();
    const { ino, dev } = statSync(path, { bigint: true });
    return { cookie, inode: ino, dev };
  } catch (error) {
    throw namespaceError(error, path);
  }
}

export function sameNamespace(a: NamespaceIdentity, b: NamespaceIdentity): boolean {
  return a.cookie === b.cookie;
}

/**
 * The path of the network namespace of a running process.
 * @throws NetkitError ARGUMENT_INVALID (no such process), PERMISSION
 */
export function namespaceOfPid(pid: number): string {
  const path = `/proc/${pid}/ns/net`;
  try {
    statSync(path);
    return path;
  } catch (error) {
    if (codeOf(error) === "EACCES") throw namespaceError(error, path);
    throw new NetkitError("ARGUMENT_INVALID", `there is no process ${pid}`, {
      hint: "Give the pid of a running process, as seen in this PID namespace.",
      details: { pid },
      cause: error,
    });
  }
}

/** A path that opens the namespace with that cookie, a named one where there is one; undefined: it is gone. */
export function findNamespace(cookie: Namespace["cookie"]): string | undefined {
  const seen = new Set<bigint>();
  for (const path of [...directories.flatMap(pathsIn), ...processPaths()]) {
    const inode = inodeOf(path);
    if (inode === undefined || seen.has(inode)) continue;
    seen.add(inode);
    try {
      if (namespaceCookie(path).toString() === cookie) return path;
    } catch (error) {
      // It may end while we look, and a leftover file is no namespace.
      if (!isNetlinkError(error)) throw error;
    }
  }
  return undefined;
}

/**
 * The path if it opens the namespace with that cookie, otherwise another one that does; undefined: it is gone. With "" for a
 * cookie whatever is at the path is it.
 */
export function locateNamespace({ path, cookie }: Pick<Namespace, "path" | "cookie">): string | undefined {
  try {
    const found = namespaceCookie(path).toString();
    if (found === cookie || cookie === "") return path;
  } catch (error) {
    const known = namespaceError(error, path);
    if (!isNetkitError(known) || known.code !== "NAMESPACE_NOT_FOUND") throw known;
  }
  return cookie === "" ? undefined : findNamespace(cookie);
}

/** Processes by the inode of the network namespace that their main thread is in. */
export type ProcessesByNamespace = ReadonlyMap<bigint, readonly number[]>;

/** Where all processes are now: looked for once, for whoever asks for several namespaces. */
export function processesByNamespace(): ProcessesByNamespace {
  const found = new Map<bigint, number[]>();
  for (const path of processPaths()) {
    const inode = inodeOf(path);
    if (inode === undefined) continue;
    const pid = Number(path.split("/")[2]);
    const others = found.get(inode);
    if (others === undefined) found.set(inode, [pid]);
    else others.push(pid);
  }
  return found;
}

/**
 * The processes that are in the namespace with all of their threads, and go on. Who looks into it with one, as netkit's own processes
 * do, is a visitor, also while it dies, when that thread may be the last one. @throws NetkitError NAMESPACE_NOT_FOUND, PERMISSION
 */
export function processesIn(path: string, all: ProcessesByNamespace = processesByNamespace()): number[] {
  const { inode } = identifyNamespace(path);
  const isIn = (pid: number): boolean => !isVisitor(pid, inode) && readStat(pid)?.isEnding === false;
  const found = (all.get(inode) ?? []).filter(isIn);
  if (found.length === 0) return found;
  // Between a thread's taking its death and its being marked the kernel tells neither: that is over by the next look.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, markedMs);
  return found.filter(isIn);
}

const markedMs = 2;

/** Whether one of its threads is elsewhere. */
function isVisitor(pid: number, inode: bigint): boolean {
  return pathsIn(`/proc/${pid}/task`).some((thread) => {
    const found = inodeOf(`${thread}/ns/net`);
    return found !== undefined && found !== inode;
  });
}

/** `error` of opening or entering the namespace at `path`, in netkit's words. */
export function namespaceError(error: unknown, path: string): unknown {
  if (isNetkitError(error)) return error;
  const { errno } = constants;
  const number = isNetlinkError(error) ? error.errno : -((error as NodeJS.ErrnoException).errno ?? 0);
  const options = { details: { path }, cause: error };
  switch (number) {
    case errno.ENOENT:
    case errno.ESRCH:
    case errno.ENOTDIR:
      return new NetkitError("NAMESPACE_NOT_FOUND", `there is no network namespace at ${path}`, {
        ...options,
        hint: "It has ended; `ip netns` and `lsns -t net` list those that exist.",
      });
    case errno.EINVAL:
      return new NetkitError("NAMESPACE_NOT_FOUND", `${path} is no network namespace`, {
        ...options,
        hint: "Give a path such as /run/netns/<name> or /proc/<pid>/ns/net.",
      });
    case errno.EACCES:
    case errno.EPERM:
      return new NetkitError("PERMISSION", `may not open the network namespace ${path}`, {
        ...options,
        hint: "Run as root.",
      });
    default:
      return error;
  }
}

function pathsIn(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => `${directory}/${name}`);
  } catch (error) {
    // A process may end meanwhile.
    if (["ENOENT", "ESRCH"].includes(codeOf(error) ?? "")) return [];
    throw error;
  }
}

function processPaths(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map((pid) => `/proc/${pid}/ns/net`);
}

/** Undefined: gone meanwhile, or not ours to see. */
function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
