import type { Home } from "../home.ts";
import { findProgram, runProgram } from "../program.ts";
import type { Nft } from "./nft.ts";

/** Node's pipes are sockets, which nft can't open as /dev/stdin; those of a shell are pipes. */
const throughPipe = ["-c", 'cat | "$0" "$@"'];

/** The program `nft`, started anew for each script; undefined where it isn't installed. */
export function openProgram(home: Home): Nft | undefined {
  const path = findProgram("nft");
  if (path === undefined) return undefined;
  return {
    // With -j nft takes its input for JSON first, and has read it to the end when it finds that it isn't.
    run: (script, json = false) =>
      json
        ? runProgram(home, path, ["-j", script])
        : runProgram(home, "/bin/sh", [...throughPipe, path, "-f", "-"], script),
    close() {},
  };
}
