import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { NetkitError } from "@netkit/core";

export interface OwnFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  /** Whether what is there is netkit's. */
  readonly isOwn: (path: string) => boolean;
}

/** Writes a file at once, for others may be reading it. @throws NetkitError NAME_TAKEN: it is somebody else's */
export function writeOwn({ path, text, mode, isOwn }: OwnFile): void {
  if (existsSync(path) && !isOwn(path)) {
    throw new NetkitError("NAME_TAKEN", `${path} is there already, and isn't netkit's`, {
      hint: "Take it away, or choose another folder.",
      details: { path },
    });
  }
  mkdirSync(dirname(path), { recursive: true });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, text, { mode });
  renameSync(made, path);
}

export function removeAll(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { force: true });
}

/** Whether one of a file's first two lines says whose it is. */
export function hasMark(mark: string): (path: string) => boolean {
  return (path) => readFileSync(path, "utf8").split("\n").slice(0, 2).includes(mark);
}
