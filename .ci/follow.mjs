// A program that takes the place of this process: it has the terminal, and what it comes to is what this one comes to.
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Ends this process as the program ends. */
export function follow(program, args, options = {}) {
  const child = spawn(program, args, { stdio: "inherit", ...options });
  // The terminal signals the whole group; this one only waits, to pass on how the other ends.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("close", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
