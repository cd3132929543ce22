import type { Readable } from "node:stream";

/** A sandbox of the engine, as far as that is needed. */
interface Runs {
  run(
    command: readonly string[],
    options: { readonly stdio: "pipe" },
  ): Promise<{ readonly stdout: Readable | null; readonly exited: Promise<{ readonly code: number | null }> }>;
}

/** What a shell command prints in a sandbox; undefined if it fails. */
export async function attempt(sandbox: Runs, command: string): Promise<string | undefined> {
  const child = await sandbox.run(["sh", "-c", command], { stdio: "pipe" });
  let text = "";
  child.stdout?.on("data", (chunk) => (text += String(chunk)));
  const { code } = await child.exited;
  return code === 0 ? text.trim() : undefined;
}
