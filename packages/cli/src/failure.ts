import { isNetkitError, NetkitError, toNetkitError } from "@netkit/core";
import { formatJson } from "./json.ts";
import type { Terminal } from "./terminal.ts";
import { versions } from "./versions.ts";

/** An error as the user sees it: what happened, then what to do next; a bug comes with what a report needs. */
export function formatFailure(error: NetkitError, terminal: Terminal): string {
  const lines = [`${terminal.err(["bold", "red"], "error:")} ${printable(error.message)}`];
  if (error.hint !== undefined) lines.push(`${terminal.err("cyan", "hint:")}  ${printable(error.hint)}`);
  if (error.kind === "internal") lines.push(...bugReport(error));
  return lines.join("\n");
}

/** Prints the error on stderr and returns the exit status. */
export function reportFailure(thrown: unknown, json: boolean, terminal: Terminal): number {
  const error = toNetkitError(withoutRoot(thrown));
  process.stderr.write(`${json ? formatJson({ error: error.toJSON() }) : formatFailure(error, terminal)}\n`);
  return error.exitCode;
}

/** What a file or the kernel refuses to somebody who isn't root is no bug: it says what to do. */
function withoutRoot(thrown: unknown): unknown {
  if (isNetkitError(thrown) || !(thrown instanceof Error) || process.geteuid?.() === 0) return thrown;
  if (!("code" in thrown) || (thrown.code !== "EACCES" && thrown.code !== "EPERM")) return thrown;
  return new NetkitError("PERMISSION", `netkit needs root here: ${thrown.message}`, {
    hint: "Run it as root, or with sudo.",
    details: { code: thrown.code },
    cause: thrown,
  });
}

/** Control characters that came in with a name or an address must not reach the terminal. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are the ones to be shown as text
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function bugReport(error: NetkitError): string[] {
  const { netkit, node, kernel } = versions();
  const origin = error.cause instanceof Error ? error.cause : error;
  return [
    "",
    "This is a bug in netkit. Please report it with the lines below and the command that you typed.",
    "",
    `  netkit ${netkit}, Node.js ${node}, Linux ${kernel}`,
    ...(origin.stack ?? origin.message).split("\n").map((line) => `  ${printable(line)}`),
  ];
}
