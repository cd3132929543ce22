import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** A whole process, as engines start one: what it prints. @throws Error with what it says when it fails */
export async function run(
  [program = "", ...words]: readonly string[],
  { input = "", env = process.env }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const child = spawn(program, words, { env, stdio: "pipe" });
  const ended = once(child, "close");
  // One that doesn't read it ends before it is written.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw new Error(`${program} ${words.join(" ")} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** What a program says of its version, on whichever output; undefined where there is none. */
export function said(program: string, ...words: readonly string[]): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", input: "" });
  return error === undefined ? `${stdout}${stderr}`.trim() : undefined;
}

/** The first thing in a text that looks like a version. */
export function versionIn(text: string): string {
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? text;
}
