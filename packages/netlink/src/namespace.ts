import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { LITTLE_ENDIAN } from "./attribute.ts";
import { NetlinkError, checked } from "./errors.ts";
import { LOCK_EX, syscalls } from "./syscalls.ts";

/** A network namespace: a path such as `/run/netns/a` or `/proc/42/ns/net`, or an open file descriptor of one. */
export type NamespaceRef = string | number;

/** A file descriptor of a namespace; closing it gives up the reference. */
export interface NamespaceHandle extends Disposable {
  readonly fd: number;
  close(): void;
}

const CLONE_NEWNET = 0x40000000;
const THREAD_NAMESPACE = "/proc/thread-self/ns/net";
const O_RDONLY = 0;
const O_CREAT_EXCL = 0o300;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x100000;
const MNT_DETACH = 2;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;
const { EINVAL } = constants.errno;

let stranded: NetlinkError | undefined;

/**
 * Run `work` with the calling thread in `namespace`, and return to the thread's own namespace.
 *
 * `work` must be synchronous: while the thread is away, everything it does happens there. Returning a promise is a
 * TypeError. Sockets opened and processes started by `work` stay in `namespace`. Needs CAP_SYS_ADMIN.
 *
 * When the way back fails the thread is lost: that error is thrown, in place of anything `work` threw, and again by
 * every later call. The process must end then.
 */
export function withNamespace<T>(namespace: NamespaceRef, work: () => T): T {
  using target = openNamespace(namespace);
  const enter = (): unknown =>
    checked(syscalls().setns(target.fd, CLONE_NEWNET), `enter network namespace ${describeNamespace(namespace)}`);
  return away(enter, work);
}

/** Open `namespace`, the calling thread's own by default. */
export function openNamespace(namespace: NamespaceRef = THREAD_NAMESPACE): NamespaceHandle {
  if (typeof namespace === "number") return { fd: namespace, close() {}, [Symbol.dispose]() {} };
  const fd = checked(syscalls().open(namespace, O_RDONLY, 0), `open network namespace ${namespace}`);
  let open = true;
  const close = (): void => {
    if (open) syscalls().close(fd);
    open = false;
  };
  return { fd, close, [Symbol.dispose]: close };
}

/**
 * Make a network namespace that lives at `path` until {@link removeNamespace}, as `ip netns add` does for
 * `/run/netns/<name>`. Its loopback is down. Throws EEXIST when there is something at `path`.
 */
export function createNamespace(path: string): void {
  const calls = syscalls();
  const op = `create network namespace ${path}`;
  keepAt(path, op, () =>
    away(
      () => checked(calls.unshare(CLONE_NEWNET), op),
      () => checked(calls.mount(THREAD_NAMESPACE, path, "none", MS_BIND), op),
    ),
  );
}

/**
 * Make the namespace that `source` opens live at `path` as well, as `ip netns attach` does with that of a process.
 * Throws EEXIST when there is something at `path`.
 */
export function attachNamespace(path: string, source: string): void {
  const op = `mount network namespace ${source} at ${path}`;
  keepAt(path, op, () => checked(syscalls().mount(source, path, "none", MS_BIND), op));
}

/** Makes the file that `mount` puts a namespace on. */
function keepAt(path: string, op: string, mount: () => unknown): void {
  const calls = syscalls();
  shareDirectory(dirname(path));
  calls.close(checked(calls.open(path, O_CREAT_EXCL, 0), op));
  try {
    mount();
  } catch (error) {
    calls.umount2(path, MNT_DETACH);
    calls.unlink(path);
    throw error;
  }
}

/**
 * Take the namespace away from `path`. It ends with its last process, socket and file descriptor.
 *
 * Throws ENOENT when there is nothing at `path`. A file that isn't mounted on, left by a process that died between
 * two steps, is removed all the same.
 */
export function removeNamespace(path: string): void {
  const unmounted = syscalls().umount2(path, MNT_DETACH);
  if (unmounted !== -EINVAL) checked(unmounted, `unmount network namespace ${path}`);
  checked(syscalls().unlink(path), `remove ${path}`);
}

/**
 * The namespace's cookie (SO_NETNS_COOKIE, asm-generic/socket.h): unique until the next boot, unlike its path, its
 * inode or the pid of a member.
 */
export function namespaceCookie(namespace?: NamespaceRef): bigint {
  const calls = syscalls();
  const op = `read the cookie of ${namespace === undefined ? "the own network namespace" : describeNamespace(namespace)}`;
  const open = (): number => checked(calls.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), op);
  const fd = namespace === undefined ? open() : withNamespace(namespace, open);
  try {
    const cookie = Buffer.alloc(8);
    checked(calls.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie), op);
    return LITTLE_ENDIAN ? cookie.readBigUInt64LE() : cookie.readBigUInt64BE();
  } finally {
    calls.close(fd);
  }
}

/** How errors name a namespace. */
export function describeNamespace(namespace: NamespaceRef): string {
  return typeof namespace === "number" ? `fd ${namespace}` : namespace;
}

/** Move the thread to another namespace by `leave`, run `work`, and move the thread back. */
function away<T>(leave: () => unknown, work: () => T): T {
  if (stranded) throw stranded;
  using home = openNamespace();
  leave(); // when this throws, the thread is at home still
  try {
    const result = work();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new TypeError("The function given to withNamespace must be synchronous; it returned a promise");
    }
    return result;
  } finally {
    const back = syscalls().setns(home.fd, CLONE_NEWNET);
    if (back < 0) {
      stranded = new NetlinkError({
        op: "return to the thread's own network namespace",
        errno: -back,
        extack: "the thread is lost in another namespace, end this process",
      });
      // oxlint-disable-next-line no-unsafe-finally -- nothing that went wrong before matters as much
      throw stranded;
    }
  }
}

/**
 * Make `directory` and a shared mount of it, so that namespaces mounted below are seen in other mount namespaces.
 *
 * The lock is iproute2's own: it keeps two processes from mounting the directory twice.
 */
function shareDirectory(directory: string): void {
  const calls = syscalls();
  const op = `share the mount of ${directory}`;
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const fd = checked(calls.open(directory, O_RDONLY, 0), `open ${directory}`);
  try {
    checked(calls.flock(fd, LOCK_EX), `lock ${directory}`);
    const share = (): number => calls.mount("", directory, "none", MS_SHARED | MS_REC);
    const shared = share();
    if (shared === 0) return;
    if (shared !== -EINVAL) checked(shared, op);
    // EINVAL says that the directory isn't a mount point yet.
    checked(calls.mount(directory, directory, "none", MS_BIND | MS_REC), op);
    checked(share(), op);
  } finally {
    calls.close(fd);
  }
}
