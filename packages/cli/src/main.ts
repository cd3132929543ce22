import { toNetkitError } from "@netkit/core";
import { findCommand } from "./catalog.ts";
import { version } from "./commands/version.ts";
import { complete } from "./completion/complete.ts";
import { reportFailure } from "./failure.ts";
import { groupHelp } from "./help.ts";
import { runCommand } from "./invocation.ts";
import { formatJson } from "./json.ts";
import { splitGlobals } from "./parse.ts";
import { terminal, type Terminal } from "./terminal.ts";

/** Runs one command line and returns the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  // The reader of a pipe may have gone: `netkit network ls | head -1`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  // What failed may be the parsing itself, so these two are looked for by hand.
  const plain = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : argv.length);
  const json = plain.includes("--json");
  const view = terminal(plain.includes("--no-color"));
  try {
    const { before, words } = splitGlobals(argv);
    if (words[0] === "__complete") return await printCompletions([...before, ...words.slice(1)]);
    const options = before.filter((word) => word !== "-v" && word !== "--version");
    if (options.length < before.length) return await runCommand(version, options, json, view);
    const found = findCommand(words);
    if (found.command === undefined) return showGroup(found.group, json, view);
    return await runCommand(found.command, [...options, ...words.slice(found.count)], json, view);
  } catch (error) {
    return reportFailure(error, json, view);
  }
}

function showGroup(name: string, json: boolean, view: Terminal): number {
  const { data, text } = groupHelp(name, view);
  process.stdout.write(`${json ? formatJson(data) : text}\n`);
  return 0;
}

async function printCompletions(words: readonly string[]): Promise<number> {
  try {
    for (const candidate of await complete(words)) process.stdout.write(`${candidate}\n`);
    return 0;
  } catch (error) {
    // A shell that is completing shows nothing of an error; the exit status is for tests.
    return toNetkitError(error).exitCode;
  }
}
