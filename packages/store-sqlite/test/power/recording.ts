// What a process does to its files, in order, as the kernel is asked for it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Paths are as the process has them; `by` tells a call that began before another one ended. */
export type Event =
  | { readonly kind: "create"; readonly path: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly offset: number; readonly data: Buffer }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  /** What was asked for before `sync` is on disk after `synced`. */
  | { readonly kind: "sync" | "synced"; readonly path: string; readonly by: string }
  | { readonly kind: "said"; readonly text: string };

const calls = "openat,pwrite64,write,ftruncate,fsync,fdatasync,unlink,rename";

/** Runs a command to its end, and records what it does in a folder, and says. @param file for strace's own output */
export function record(command: readonly string[], folder: string, file: string): Event[] {
  const words = ["-f", "-y", "-xx", "-s", "1000000", "-e", `trace=${calls}`, "-e", "signal=none", "-o", file];
  execFileSync("strace", [...words, "--", ...command], { stdio: ["ignore", "pipe", "inherit"] });
  return eventsOf(readFileSync(file, "latin1"), folder);
}

function eventsOf(text: string, folder: string): Event[] {
  const unfinished = new Map<string, string>();
  const files = new Set<string>();
  return text.split("\n").flatMap((line): Event[] => {
    const [, by = "", call = ""] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/s.exec(call);
    if (resumed !== null) {
      const begun = unfinished.get(by) ?? "";
      unfinished.delete(by);
      return eventOf(begun + resumed[1], by, folder, files, "ends");
    }
    const open = /^(.*) <unfinished \.\.\.>$/s.exec(call);
    if (open?.[1] === undefined) return eventOf(call, by, folder, files, "whole");
    unfinished.set(by, open[1]);
    return eventOf(open[1], by, folder, files, "begins");
  });
}

/** Changes count from when they are asked for; what flushes counts when it ends. */
function eventOf(
  call: string,
  by: string,
  folder: string,
  files: Set<string>,
  part: "whole" | "begins" | "ends",
): Event[] {
  const name = /^\w+/.exec(call)?.[0] ?? "";
  const path = decoded(/^\w+\(\d+<([^>]*)>/.exec(call)?.[1] ?? "").toString();
  const isThere = path === folder || path.startsWith(`${folder}/`);
  switch (name) {
    case "fsync":
    case "fdatasync": {
      if (!isThere) return [];
      const begin: Event = { kind: "sync", path, by };
      const end: Event = { kind: "synced", path, by };
      return part === "whole" ? [begin, end] : [part === "begins" ? begin : end];
    }
    case "write":
      return part === "ends" || !call.startsWith("write(1<") ? [] : [{ kind: "said", text: dataOf(call).toString() }];
    case "pwrite64": {
      if (part === "ends" || !isThere) return [];
      // Where an unfinished call breaks off, all that it was given is told.
      const offset = Number(/, \d+, (\d+)/.exec(call)?.[1]);
      return [{ kind: "write", path, offset, data: dataOf(call) }];
    }
    case "ftruncate":
      return part === "ends" || !isThere ? [] : [{ kind: "truncate", path, size: Number(/>, (\d+)/.exec(call)?.[1]) }];
    case "unlink": {
      const gone = dataOf(call).toString();
      if (part === "ends" || !files.delete(gone)) return [];
      return [{ kind: "unlink", path: gone }];
    }
    case "openat": {
      const opened = decoded(/ = \d+<([^>]*)>$/.exec(call)?.[1] ?? "").toString();
      if (!call.includes("O_CREAT") || !opened.startsWith(`${folder}/`) || files.has(opened)) return [];
      files.add(opened);
      return [{ kind: "create", path: opened }];
    }
    case "rename":
      throw new Error("nothing is known of what a power cut makes of a rename");
    default:
      return [];
  }
}

/** The first string of a call. */
function dataOf(call: string): Buffer {
  return decoded(/"([^"]*)"/.exec(call)?.[1] ?? "");
}

/** Of text with each byte as \xNN. */
function decoded(text: string): Buffer {
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}
