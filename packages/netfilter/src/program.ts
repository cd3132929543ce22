import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Home } from "./home.ts";

/** What a program left behind. */
export interface Outcome {
  /** The exit status; 127 when it could not be started. */
  readonly code: number;
  readonly output: string;
  readonly error: string;
}

/** Where Debian and others keep programs for root, which an unprivileged user's PATH lacks. */
const rootDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of a program, or undefined when it isn't installed. */
export function findProgram(name: string): string | undefined {
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  return [...directories, ...rootDirectories].map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Run a program in `home`, with English messages, feeding it `input`. Never rejects for what the program does. */
export async function runProgram(home: Home, path: string, args: readonly string[], input = ""): Promise<Outcome> {
  const { execa } = await import("execa");
  const start = () =>
    execa(path, args, {
      input,
      reject: false,
      stripFinalNewline: false,
      maxBuffer: 256 * 1024 * 1024,
      env: { LC_ALL: "C" },
    });
  // A running process is itself a thenable, which must not leave the synchronous part.
  let started: ReturnType<typeof start> | undefined;
  home.run(() => {
    started = start();
  });
  const result = await (started ?? start());
  return {
    code: result.exitCode ?? 127,
    output: result.stdout,
    error: result.stderr === "" && result.failed ? (result.shortMessage ?? "") : result.stderr,
  };
}
