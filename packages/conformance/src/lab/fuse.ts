import fs from "node:fs";
import { constants } from "node:os";
import { syncBuiltinESMExports } from "node:module";
import { NetkitError, storeWith, type Store } from "@netkit/core";
import { setIptables, setNft } from "@netkit/netfilter";
import { setSyscalls, syscalls, type Syscalls } from "@netkit/netlink";

/**
 * `error`: the operation fails without having been done (EIO), and the process goes on. `kill`: the process dies before
 * the operation; only those that change something count.
 */
export type FaultMode = "error" | "kill";

/** Counts operations at the boundary to the kernel, nft, iptables, files and the store, and breaks one of them. */
export interface Fuse {
  /** Operation `at` breaks, counted from 1; 0: none. */
  arm(at: number, mode: FaultMode): void;
  /** How many operations there were, and which one broke, if any did. */
  disarm(): { readonly operations: number; readonly broke?: string };
  /** A store whose commits are operations. */
  wrap(store: Store): Store;
}

const EIO = -constants.errno.EIO;
const THREAD_NAMESPACE = "/proc/thread-self/ns/net";
/** What fails besides requests; those marked change something. */
const calls = {
  socket: false,
  bind: false,
  recv: false,
  setsockopt: false,
  getsockopt: false,
  flock: false,
  unshare: true,
  mount: true,
  umount2: true,
  unlink: true,
} as const satisfies Partial<Record<keyof Syscalls, boolean>>;

const fileCalls = [
  "writeFileSync",
  "mkdirSync",
  "rmSync",
  "rmdirSync",
  "unlinkSync",
  "renameSync",
  "writeSync",
  "ftruncateSync",
] as const;

/** Puts the fuse into this process, for good. */
export function installFuse(): Fuse {
  let armed = false;
  let at = 0;
  let mode: FaultMode = "error";
  let operations = 0;
  let broke: string | undefined;

  /** True: the operation has to fail. */
  const burns = (what: string, changes: boolean): boolean => {
    if (!armed || (mode === "kill" && !changes)) return false;
    operations++;
    if (operations !== at) return false;
    broke = what;
    if (mode === "kill") process.kill(process.pid, "SIGKILL");
    return true;
  };

  interposeSyscalls(burns);
  interposeFiles(burns);
  setNft((nft) => ({
    run: (script, json) =>
      burns(`nft ${script.slice(0, 60)}`, !/^\s*list\b/.test(script))
        ? { code: 1, output: "", error: "Error: injected fault" }
        : nft.run(script, json),
    close: () => nft.close(),
  }));
  const failed = { code: 1, output: "", error: "iptables: injected fault" };
  setIptables((iptables) => ({
    save: async (version) => (burns("iptables-save", false) ? failed : await iptables.save(version)),
    restore: async (version, input) =>
      burns("iptables-restore", true) ? failed : await iptables.restore(version, input),
  }));

  return {
    arm(operation, faultMode) {
      [armed, at, mode, operations, broke] = [true, operation, faultMode, 0, undefined];
    },
    disarm() {
      armed = false;
      return { operations, ...(broke === undefined ? {} : { broke }) };
    },
    wrap: (store) =>
      storeWith(store, {
        flush: async () => {
          if (burns("flush", true)) throw fault("can't be flushed");
          await store.flush();
        },
        commit: async (commit) => {
          if (burns(`commit ${commit.writes.map(({ key }) => key).join(" ")}`.slice(0, 80), true))
            throw fault("disk full");
          return await store.commit(commit);
        },
      }),
  };
}

function fault(what: string): NetkitError {
  return new NetkitError("STATE_UNWRITABLE", `injected fault: ${what}`, { hint: "Take the fault out." });
}

type Burns = (what: string, changes: boolean) => boolean;

function interposeSyscalls(burns: Burns): void {
  const real = syscalls();
  /** Descriptors by which a thread finds home: losing the way back is no fault that a process can survive. */
  const homes = new Set<number>();
  const replaced: Partial<Record<keyof Syscalls, unknown>> = {
    open(path: string, flags: number, mode: number) {
      if (path !== THREAD_NAMESPACE && burns(`open ${path}`, false)) return EIO;
      const fd = real.open(path, flags, mode);
      if (path === THREAD_NAMESPACE) homes.add(fd);
      return fd;
    },
    close(fd: number) {
      homes.delete(fd);
      return real.close(fd);
    },
    setns: (fd: number, type: number) => (!homes.has(fd) && burns("setns", false) ? EIO : real.setns(fd, type)),
    send: (fd: number, buffer: Uint8Array, length: number, flags: number) =>
      burns(`send ${describeRequest(buffer)}`, isChange(buffer)) ? EIO : real.send(fd, buffer, length, flags),
    writeLate: async (fd: number, datagram: Uint8Array) =>
      burns(`send ${describeRequest(datagram)}`, isChange(datagram)) ? EIO : await real.writeLate(fd, datagram),
  };
  for (const [name, changes] of Object.entries(calls) as [keyof typeof calls, boolean][]) {
    const call: (...args: never[]) => number = real[name];
    replaced[name] = (...args: never[]) =>
      burns(`${name} ${args.filter((arg) => typeof arg === "string").join(" ")}`, changes) ? EIO : call(...args);
  }
  setSyscalls({ ...real, ...replaced } as Syscalls);
}

function interposeFiles(burns: Burns): void {
  const writable = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  /** What was opened, by descriptor. */
  const paths = new Map<unknown, string>();
  const open = fs.openSync;
  writable["openSync"] = (...args) => {
    const fd: unknown = Reflect.apply(open, fs, args);
    paths.set(fd, String(args[0]));
    return fd;
  };
  for (const name of fileCalls) {
    const call = writable[name];
    if (call === undefined) continue;
    writable[name] = (...args: unknown[]) => {
      const path = typeof args[0] === "string" ? args[0] : (paths.get(args[0]) ?? "");
      // The state directory is the store's business; a file of it that breaks is a commit that fails.
      if (/^\/(proc\/sys|etc\/netns|run\/netns)\//.test(path) && burns(`${name} ${path}`, true)) {
        const message = `EIO: injected fault, ${name} '${path}'`;
        throw Object.assign(new Error(message), { code: "EIO", errno: EIO, syscall: name, path });
      }
      return call.apply(fs, args);
    };
  }
  syncBuiltinESMExports();
}

/** The type of the first message, struct nlmsghdr in linux/netlink.h. */
function typeOf(buffer: Uint8Array): number {
  return new DataView(buffer.buffer, buffer.byteOffset).getUint16(4, true);
}

function describeRequest(buffer: Uint8Array): string {
  return `netlink type ${typeOf(buffer)}`;
}

/** Of the four requests of each rtnetlink object the third is the one that only reads (linux/rtnetlink.h). */
function isChange(buffer: Uint8Array): boolean {
  const type = typeOf(buffer);
  return type < 16 || type > 127 || (type & 3) !== 2;
}
