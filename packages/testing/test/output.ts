import type { SandboxHandle } from "@netkit/engine";
import { expect } from "vitest";

/** What a shell command in the sandbox prints; it must succeed. */
export async function output(sandbox: SandboxHandle, command: string): Promise<string> {
  const child = await sandbox.run(["sh", "-c", command], { stdio: "pipe" });
  let text = "";
  child.stdout?.on("data", (chunk) => (text += String(chunk)));
  const { code } = await child.exited;
  expect(code, `${command}: ${text}`).toBe(0);
  return text.trim();
}
