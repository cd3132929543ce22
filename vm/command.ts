import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { files, makeFolder } from "./files.ts";

interface CommandOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * Runs a program to a good end; all that it says goes into `log/NAME`, for some of it takes minutes and says a lot.
 * @throws Error with its last lines
 */
export async function runLogged(
  name: string,
  [program = "", ...rest]: readonly string[],
  { timeoutMs, env, cwd }: CommandOptions = {},
): Promise<void> {
  const log = join(makeFolder(files.log), name);
  const output = openSync(log, "w");
  const child = spawn(program, rest, {
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" as const }),
  });
  closeSync(output);
  const ended = Promise.withResolvers<string | undefined>();
  child.on("error", (error) => ended.resolve(`can't be started: ${error.message}`));
  child.on("close", (code, signal) => {
    const late = signal === "SIGKILL" && timeoutMs !== undefined;
    ended.resolve(
      code === 0 ? undefined : late ? `took longer than ${timeoutMs / 1000} s` : `ended with ${signal ?? code}`,
    );
  });
  const failure = await ended.promise;
  if (failure === undefined) return;
  const last = readFileSync(log, "utf8").trimEnd().split("\n").slice(-20).join("\n");
  throw new Error(`${program} ${rest.join(" ")} ${failure}; the last lines of ${log}:\n${last}`);
}
