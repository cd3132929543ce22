import type { Terminal } from "./terminal.ts";

/** Says on stderr what the user may not expect, and what to do about it. */
export function warn(message: string, hint: string | undefined, terminal: Terminal): void {
  const lines = [`${terminal.err(["bold", "yellow"], "warning:")} ${message}`];
  if (hint !== undefined) lines.push(`${terminal.err("cyan", "hint:")}    ${hint}`);
  process.stderr.write(`${lines.join("\n")}\n`);
}
