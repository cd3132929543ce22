import { readFileSync } from "node:fs";
import { NetkitError } from "@netkit/core";
import type { OptionValues } from "./command.ts";

/** The options of a process: of `run` and `exec`. */
export const processOptions = {
  env: { short: "e", value: "NAME[=VALUE]", many: true, summary: "Environment variable" },
  "env-file": {
    value: "FILE",
    many: true,
    summary: "File with a NAME[=VALUE] on each line; --env comes after",
    complete: "path",
  },
  workdir: { short: "w", value: "DIR", summary: "Working directory", complete: "path" },
  interactive: { short: "i", summary: "Accepted for Docker's sake: stdin is always passed on" },
  tty: { short: "t", summary: "Accepted for Docker's sake: a terminal is always passed on" },
} as const;

type Given = OptionValues<typeof processOptions>;

/**
 * What --env-file and --env say, in the order in which it counts.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function variables(options: Pick<Given, "env" | "env-file">): readonly string[] {
  return [...options["env-file"].flatMap(readVariables), ...options.env];
}

/** The lines of a file as Docker reads it: `#` begins a comment on a line of its own, and quotes mean nothing. */
function readVariables(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new NetkitError("ARGUMENT_INVALID", `--env-file ${path} can't be read: ${(cause as Error).message}`, {
      hint: "Name a file with a NAME=VALUE on each line.",
      cause,
    });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trimStart());
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}

/** The command as it is typed where there are no such options. */
export function explained(
  words: readonly string[],
  options: Pick<Given, "env" | "env-file" | "workdir">,
): readonly string[] {
  const { workdir } = options;
  const set = variables(options).filter((text) => text.includes("="));
  const surroundings = [...(workdir === undefined ? [] : [`--chdir=${workdir}`]), ...set];
  return surroundings.length === 0 ? words : ["env", ...surroundings, ...words];
}

/** netkit's own environment with these on top; a bare name is one that netkit was given anyway. */
export function environment(texts: readonly string[], own: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...own };
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at === 0 || text === "") {
      throw new NetkitError("ARGUMENT_INVALID", `--env ${JSON.stringify(text)} has no name`, {
        hint: "Write it as --env NAME=VALUE.",
      });
    }
    if (at > 0) env[text.slice(0, at)] = text.slice(at + 1);
  }
  return env;
}
