import { dirname } from "node:path";
import { NetkitError } from "@netkit/core";

/** SQLITE_CANTOPEN (sqlite3.h). */
export const cannotOpen = 14;

/** Primary result codes (sqlite3.h) that are no bug, with what is wrong. */
const unwritable: ReadonlyMap<number, readonly [why: string, hint: (path: string) => string]> = new Map([
  [8, ["is read-only", (path) => `Make ${dirname(path)} writable, or choose another --root.`]],
  [10, ["can't be read or written", (path) => `Check the disk and the file system of ${dirname(path)}.`]],
  [11, ["is damaged", restore]],
  [13, ["can't grow: the disk is full", (path) => `Free some space on the file system of ${dirname(path)}.`]],
  [cannotOpen, ["can't be opened", (path) => `Check that ${dirname(path)} is a directory that can be written to.`]],
  [26, ["is not a netkit state file, or damaged", restore]],
]);

function restore(path: string): string {
  return `Move ${path} away to start anew, or restore it from a backup.`;
}

/** The primary result code of an error of SQLite, or of one that it is the cause of. */
export function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  return "errcode" in error ? Number(error.errcode) & 0xff : resultCodeOf(error.cause);
}

/** What a failure of SQLite or of the file system under it means to the user; any other error as it is. */
export function explain(error: unknown, path: string): unknown {
  if (error instanceof Error && "syscall" in error)
    return stateUnwritable(path, `can't be written: ${error.message}`, error);
  const resultCode = resultCodeOf(error);
  if (resultCode === 5) {
    return new NetkitError("LOCKED", `another process keeps the state file ${path} locked`, {
      hint: "Wait for it to end, or see which one it is with fuser.",
      details: { path },
      cause: error,
    });
  }
  const known = resultCode === undefined ? undefined : unwritable.get(resultCode);
  return known === undefined ? error : stateUnwritable(path, known[0], error, known[1](path));
}

export function stateUnwritable(path: string, why: string, cause: unknown, hint?: string): NetkitError {
  return new NetkitError("STATE_UNWRITABLE", `the state file ${path} ${why}`, {
    hint: hint ?? `Make ${dirname(path)} a directory that can be written to, or choose another --root.`,
    details: { path },
    cause,
  });
}

/** A file that a later version wrote is never touched. */
export function stateNewer(path: string, version: number, known: number): NetkitError {
  return new NetkitError(
    "STATE_NEWER",
    `the state file ${path} has format ${version}, this netkit knows formats up to ${known}`,
    { hint: "Use the netkit that wrote it, or a newer one.", details: { path, version, known } },
  );
}
