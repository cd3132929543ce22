import { NetkitError } from "@netkit/core";
import type { OptionValues } from "./command.ts";

/** The options of a process: of `run` and `exec`. */
export const processOptions = {
  env: { short: "e", value: "NAME[=VALUE]", many: true, summary: "Environment variable" },
  workdir: { short: "w", value: "DIR", summary: "Working directory", complete: "path" },
  interactive: { short: "i", summary: "Accepted for Docker's sake: stdin is always passed on" },
  tty: { short: "t", summary: "Accepted for Docker's sake: a terminal is always passed on" },
} as const;

/** The command as it is typed where there are no such options. */
export function explained(
  words: readonly string[],
  { env, workdir }: Pick<OptionValues<typeof processOptions>, "env" | "workdir">,
): readonly string[] {
  const set = env.filter((text) => text.includes("="));
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
