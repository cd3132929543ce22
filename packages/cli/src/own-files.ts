import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { NetkitError } from "@netkit/core";

export interface OwnFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  /** Whether what is there is netkit's. */
  readonly isOwn: (path: string) => boolean;
}

/** Writes all of them or, where one is somebody else's, none. @throws NetkitError NAME_TAKEN */
export function writeAllOwn(files: readonly OwnFile[]): void {
  for (const file of files) refuseTaken(file);
  for (const file of files) writeOwn(file);
}

/** Writes a file at once, for others may be reading it. @throws NetkitError NAME_TAKEN: it is somebody else's */
export function writeOwn(file: OwnFile): void {
  refuseTaken(file);
  const { path, text, mode } = file;
  mkdirSync(dirname(path), { recursive: true });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, text, { mode });
  renameSync(made, path);
}

function refuseTaken({ path, isOwn }: OwnFile): void {
  if (!existsSync(path) || isOwn(path)) return;
  throw new NetkitError("NAME_TAKEN", `${path} is there already, and isn't netkit's`, {
    hint: "Take it away, or choose another folder.",
    details: { path },
  });
}

/** A folder of netkit's alone, once nothing is in it. */
export function removeEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

export function removeAll(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { force: true });
}

/** Whether one of a file's first two lines says whose it is. */
export function hasMark(mark: string): (path: string) => boolean {
  return (path) => readFileSync(path, "utf8").split("\n").slice(0, 2).includes(mark);
}
