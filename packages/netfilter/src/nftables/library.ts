import { readdirSync, readlinkSync } from "node:fs";
import { koffi } from "@netkit/netlink";
import type { LibraryHandle } from "koffi";
import type { Home } from "../home.ts";
import type { Nft } from "./nft.ts";

/** NFT_CTX_OUTPUT_JSON, nftables/libnftables.h. */
const OUTPUT_JSON = 1 << 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** asm-generic/signal-defs.h */
const SIG_SETMASK = 2;
/** All of a sigset_t, as glibc and musl have it: 1024 bits. */
const everySignal = Buffer.alloc(128, 0xff);

/** libnftables in this process, its socket bound to `home`; undefined where the library isn't installed. */
export function openLibrary(home: Home): Nft | undefined {
  const { load } = koffi();
  let library: LibraryHandle;
  try {
    library = load("libnftables.so.1");
  } catch {
    return undefined;
  }
  const newContext = library.func("void *nft_ctx_new(uint32_t)");
  const freeContext = library.func("void nft_ctx_free(void *)");
  const bufferOutput = library.func("int nft_ctx_buffer_output(void *)");
  const bufferError = library.func("int nft_ctx_buffer_error(void *)");
  const output = library.func("const char *nft_ctx_get_output_buffer(void *)");
  const error = library.func("const char *nft_ctx_get_error_buffer(void *)");
  const setFlags = library.func("void nft_ctx_output_set_flags(void *, unsigned int)");
  const runBuffer = library.func("int nft_run_cmd_from_buffer(void *, const char *)");

  const sockets = openSockets();
  let context: unknown = home.run(() => newContext(0));
  const libc = load(null);
  const fcntl = libc.func("int fcntl(int, int, ...)");
  const signalMask = libc.func("int pthread_sigmask(int, const void *, void *)");
  const mask = Buffer.alloc(everySignal.length);
  for (const [fd, target] of openSockets()) {
    // The library's socket would go to every child process, and with it the power over this namespace's rules.
    if (sockets.get(fd) !== target) fcntl(fd, F_SETFD, "int", FD_CLOEXEC);
  }
  bufferOutput(context);
  bufferError(context);
  return {
    run(script, json = false) {
      setFlags(context, json ? OUTPUT_JSON : 0);
      // The library takes a signal that interrupts it (a profiler's, a child process's end) for a refusal of what was carried out.
      signalMask(SIG_SETMASK, everySignal, mask);
      try {
        const code = Number(runBuffer(context, script));
        return { code, output: String(output(context)), error: String(error(context)) };
      } finally {
        signalMask(SIG_SETMASK, mask, null);
      }
    },
    close() {
      if (context !== undefined) freeContext(context);
      context = undefined;
    },
  };
}

function openSockets(): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      if (target.startsWith("socket:")) found.set(Number(name), target);
    } catch {
      // The descriptor of the directory that was just read, or one that another thread closed.
    }
  }
  return found;
}
