import { readdirSync, readlinkSync } from "node:fs";
import { koffi } from "@netkit/netlink";
import type { LibraryHandle } from "koffi";
import type { Home } from "../home.ts";
import type { Nft } from "./nft.ts";

/** NFT_CTX_OUTPUT_JSON, nftables/libnftables.h. */
const OUTPUT_JSON = 1 << 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

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
  const fcntl = load(null).func("int fcntl(int, int, ...)");
  for (const [fd, target] of openSockets()) {
    // The library's socket would go to every child process, and with it the power over this namespace's rules.
    if (sockets.get(fd) !== target) fcntl(fd, F_SETFD, "int", FD_CLOEXEC);
  }
  bufferOutput(context);
  bufferError(context);
  return {
    run(script, json = false) {
      setFlags(context, json ? OUTPUT_JSON : 0);
      const code = Number(runBuffer(context, script));
      return { code, output: String(output(context)), error: String(error(context)) };
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
