import type { LibraryHandle } from "koffi";
import { LITTLE_ENDIAN } from "./attribute.ts";
import { koffi } from "./koffi.ts";
import { openWriteLate, type WriteLate } from "./write-late.ts";

/**
 * Every system call this package makes.
 *
 * A call returns what the kernel returns: a value of zero or more, or a negated errno. Nothing here throws for a
 * failed call, and nothing here allocates on the synchronous path.
 */
export interface Syscalls {
  /** socket(2) */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2); `address` is a complete sockaddr. */
  bind(fd: number, address: Uint8Array): number;
  /** connect(2); `address` is a complete sockaddr. */
  connect(fd: number, address: Uint8Array): number;
  /** send(2) of the first `length` bytes. */
  send(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  /** write(2) of a datagram to a socket by another thread, for requests that the kernel answers late. The descriptor may be closed meanwhile. */
  writeLate(fd: number, datagram: Uint8Array): Promise<number>;
  /** recv(2) into `buffer`. */
  recv(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  /** recv(2) on a worker thread. Give the socket a receive timeout: the process can't exit before the thread is back. */
  recvAsync(fd: number, buffer: Uint8Array, length: number, flags: number): Promise<number>;
  /** setsockopt(2) */
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** getsockopt(2); fills `value`, which must have the option's exact size. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** open(2); O_CLOEXEC is always added. */
  open(path: string, flags: number, mode: number): number;
  /** close(2) */
  close(fd: number): number;
  /** close(2) on a worker thread, for what makes the kernel wait: a packet socket. */
  closeAsync(fd: number): Promise<number>;
  /** setns(2) of the calling thread. */
  setns(fd: number, type: number): number;
  /** unshare(2) of the calling thread. */
  unshare(flags: number): number;
  /** flock(2); with LOCK_NB it never blocks. */
  flock(fd: number, operation: number): number;
  /** flock(2) on a worker thread, called again when a signal interrupts it. */
  flockAsync(fd: number, operation: number): Promise<number>;
  /** mount(2) without data. */
  mount(source: string, target: string, type: string | null, flags: number): number;
  /** The root of a new procfs that is mounted nowhere: fsopen(2), fsconfig(2), fsmount(2). */
  openProc(): number;
  /** umount2(2) */
  umount2(target: string, flags: number): number;
  /** unlink(2) */
  unlink(path: string): number;
  /** pidfd_open(2): readable once the process has ended. */
  pidfdOpen(pid: number): number;
  /** epoll_create1(2) */
  epollCreate(): number;
  /** epoll_ctl(2) with EPOLL_CTL_ADD: have epoll_wait(2) report `data` once `fd` has one of `events`. */
  epollAdd(epoll: number, fd: number, events: number, data: number): number;
  /** epoll_wait(2) on a worker thread, for one event; see {@link epollData}. The process can't exit before the thread is back. */
  epollWaitAsync(epoll: number, event: Uint8Array, timeoutMs: number): Promise<number>;
}

/** struct epoll_event of sys/epoll.h; only on x86-64 it is packed. */
const EPOLL_DATA_OFFSET = process.arch === "x64" ? 4 : 8;
/** The size of what {@link Syscalls.epollWaitAsync} fills. */
export const EPOLL_EVENT_BYTES: number = EPOLL_DATA_OFFSET + 8;

/** The `data` of an event. */
export function epollData(event: Buffer): number {
  return event.readUInt32LE(EPOLL_DATA_OFFSET);
}

/** struct timeval of a 64-bit kernel, as SO_RCVTIMEO and SO_SNDTIMEO take it (socket(7)). */
export function timeval(milliseconds: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigInt64(0, BigInt(Math.floor(milliseconds / 1000)), LITTLE_ENDIAN);
  view.setBigInt64(8, BigInt((milliseconds % 1000) * 1000), LITTLE_ENDIAN);
  return new Uint8Array(view.buffer);
}

/** flock(2) operations, from asm-generic/fcntl.h. */
export const LOCK_EX = 2;
/** Fail with EWOULDBLOCK instead of waiting; see {@link LOCK_EX}. */
export const LOCK_NB = 4;
/** Release a lock; see {@link LOCK_EX}. */
export const LOCK_UN = 8;

const EINTR = 4;
const SYS_PIDFD_OPEN = 434;
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const EPOLL_CTL_ADD = 1;
const O_CLOEXEC = 0o2000000;

let current: Syscalls | undefined;

/** The system calls in use. The first call loads koffi, unless something was set before. */
export function syscalls(): Syscalls {
  return (current ??= openLibc());
}

/**
 * Put `replacement` in place of the system calls and return what was there before.
 *
 * For fault injection: wrap the returned object, and make call N fail or kill the process before or after it.
 */
export function setSyscalls(replacement: Syscalls): Syscalls {
  const previous = syscalls();
  current = replacement;
  return previous;
}

function openLibc(): Syscalls {
  const { errno, load } = koffi();
  const libc = load(null);
  const result = (value: number): number => (value < 0 ? -errno() : value);
  const later = (call: ReturnType<LibraryHandle["func"]>, ...args: unknown[]): Promise<number> =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, value: number) => {
        if (error) reject(error);
        else resolve(result(value));
      });
    });

  const socket = libc.func("int socket(int, int, int)");
  const bind = libc.func("int bind(int, const void *, uint32_t)");
  const connect = libc.func("int connect(int, const void *, uint32_t)");
  const send = libc.func("intptr_t send(int, const void *, size_t, int)");
  const recv = libc.func("intptr_t recv(int, void *, size_t, int)");
  const setsockopt = libc.func("int setsockopt(int, int, int, const void *, uint32_t)");
  const getsockopt = libc.func("int getsockopt(int, int, int, void *, _Inout_ uint32_t *)");
  const open = libc.func("int open(const char *, int, ...)");
  const close = libc.func("int close(int)");
  const setns = libc.func("int setns(int, int)");
  const unshare = libc.func("int unshare(int)");
  const flock = libc.func("int flock(int, int)");
  const mount = libc.func("int mount(const char *, const char *, const char *, unsigned long, const void *)");
  const umount2 = libc.func("int umount2(const char *, int)");
  const unlink = libc.func("int unlink(const char *)");
  const syscall = libc.func("long syscall(long, ...)");
  const epollCreate = libc.func("int epoll_create1(int)");
  const epollCtl = libc.func("int epoll_ctl(int, int, int, const void *)");
  const epollWait = libc.func("int epoll_wait(int, void *, int, int)");
  let writeLate: WriteLate | undefined;

  return {
    socket: (domain, type, protocol) => result(socket(domain, type, protocol)),
    bind: (fd, address) => result(bind(fd, address, address.length)),
    connect: (fd, address) => result(connect(fd, address, address.length)),
    send: (fd, buffer, length, flags) => result(send(fd, buffer, length, flags)),
    writeLate: (fd, datagram) => (writeLate ??= openWriteLate(libc))(fd, datagram),
    recv: (fd, buffer, length, flags) => result(recv(fd, buffer, length, flags)),
    recvAsync: (fd, buffer, length, flags) => later(recv, fd, buffer, length, flags),
    setsockopt: (fd, level, name, value) => result(setsockopt(fd, level, name, value, value.length)),
    getsockopt: (fd, level, name, value) => result(getsockopt(fd, level, name, value, [value.length])),
    open: (path, flags, mode) => result(open(path, flags | O_CLOEXEC, "uint", mode)),
    close: (fd) => result(close(fd)),
    closeAsync: (fd) => later(close, fd),
    setns: (fd, type) => result(setns(fd, type)),
    unshare: (flags) => result(unshare(flags)),
    flock: (fd, operation) => result(flock(fd, operation)),
    async flockAsync(fd, operation) {
      for (;;) {
        const value = await later(flock, fd, operation);
        if (value !== -EINTR) return value;
      }
    },
    mount: (source, target, type, flags) => result(mount(source, target, type, flags, null)),
    openProc() {
      const context = result(Number(syscall(SYS_FSOPEN, "const char *", "proc", "uint", CLOEXEC)));
      if (context < 0) return context;
      const made = Number(
        syscall(SYS_FSCONFIG, "int", context, "uint", FSCONFIG_CMD_CREATE, "void *", null, "void *", null, "int", 0),
      );
      const fd =
        made < 0 ? result(made) : result(Number(syscall(SYS_FSMOUNT, "int", context, "uint", CLOEXEC, "uint", 0)));
      close(context);
      return fd;
    },
    umount2: (target, flags) => result(umount2(target, flags)),
    unlink: (path) => result(unlink(path)),
    pidfdOpen: (pid) => result(syscall(SYS_PIDFD_OPEN, "int", pid, "uint", 0)),
    epollCreate: () => result(epollCreate(O_CLOEXEC)),
    epollAdd(epoll, fd, events, data) {
      const event = Buffer.alloc(EPOLL_EVENT_BYTES);
      event.writeUInt32LE(events);
      event.writeUInt32LE(data, EPOLL_DATA_OFFSET);
      return result(epollCtl(epoll, EPOLL_CTL_ADD, fd, event));
    },
    epollWaitAsync: (epoll, event, timeoutMs) => later(epollWait, epoll, event, 1, timeoutMs),
  };
}
