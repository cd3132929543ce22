import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Execute } from "@netkit/runtime-netavark";

/** Runs a plugin of Podman's: stdin is what it is to do, and its stderr is ours. */
export const execute: Execute = async (path, args, input) => {
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
  // One that doesn't read to the end has read what it wants.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [stdout, [status, signal]] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { status: (status ?? signal) as number | string, stdout };
};
