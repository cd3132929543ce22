import { constants } from "node:os";
import { setTimeout } from "node:timers/promises";
import type { LibraryHandle } from "koffi";
import { LITTLE_ENDIAN } from "./attribute.ts";
import { koffi } from "./koffi.ts";

/** As write(2) of a datagram to a socket. @returns what was written, or a negated errno */
export type WriteLate = (fd: number, datagram: Uint8Array) => Promise<number>;

/**
 * struct aiocb of aio.h on 64 bits, in glibc as in musl: int aio_fildes, aio_lio_opcode, aio_reqprio; void *aio_buf; size_t aio_nbytes;
 * struct sigevent aio_sigevent, with int sigev_notify; and what is the library's own.
 */
const AIOCB_BYTES = 168;
const AIO_BUF = 16;
const AIO_NBYTES = 24;
const SIGEV_NOTIFY = 44;
const SIGEV_NONE = 1;
const F_DUPFD_CLOEXEC = 1030;

/**
 * Writes on threads that the C library has for it (aio(7); glibc's are 20 at most, and end when they aren't needed): deleting a link
 * takes a thread for a grace period of the kernel, and libuv's are four, which files and names need as well.
 */
export function openWriteLate(libc: LibraryHandle): WriteLate {
  const { alloc, encode, errno, free } = koffi();
  const aio = withAio(libc);
  const write = aio.func("int aio_write(void *)");
  const error = aio.func("int aio_error(const void *)");
  const returned = aio.func("intptr_t aio_return(void *)");
  const fcntl = libc.func("int fcntl(int, int, ...)");
  const close = libc.func("int close(int)");

  return async (fd, datagram) => {
    // What is written to one descriptor is written one after the other.
    const own = Number(fcntl(fd, F_DUPFD_CLOEXEC, "int", 0));
    if (own < 0) return -errno();
    // Not the garbage collector's: a thread may still use it when JavaScript has ended.
    const control = alloc("uint8_t", AIOCB_BYTES + datagram.length) as bigint;
    try {
      const bytes = new Uint8Array(AIOCB_BYTES + datagram.length);
      const fields = new DataView(bytes.buffer);
      fields.setInt32(0, own, LITTLE_ENDIAN);
      fields.setBigUint64(AIO_BUF, control + BigInt(AIOCB_BYTES), LITTLE_ENDIAN);
      fields.setBigUint64(AIO_NBYTES, BigInt(datagram.length), LITTLE_ENDIAN);
      fields.setInt32(SIGEV_NOTIFY, SIGEV_NONE, LITTLE_ENDIAN);
      bytes.set(datagram, AIOCB_BYTES);
      encode(control, "uint8_t", bytes, bytes.length);
      if (Number(write(control)) < 0) return -errno();
      for (;;) {
        const state = Number(error(control));
        if (state === 0) return Number(returned(control));
        if (state !== constants.errno.EINPROGRESS) return -state;
        await setTimeout(1);
      }
    } finally {
      free(control);
      close(own);
    }
  };
}

/** glibc before 2.34 has it in a library of its own. */
function withAio(libc: LibraryHandle): LibraryHandle {
  try {
    libc.symbol("aio_write");
    return libc;
  } catch {
    return koffi().load("librt.so.1");
  }
}
