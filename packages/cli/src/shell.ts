import { basename, dirname } from "node:path";

/** Words as one shell line. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(" ");
}

/** The command in the namespace that a path opens, as a shell line; undefined: the host's own. */
export function enter(netns: string | undefined, words: readonly string[]): string {
  if (netns === undefined) return shellLine(words);
  if (dirname(netns) === "/run/netns") return shellLine(["ip", "netns", "exec", basename(netns), ...words]);
  return shellLine(["nsenter", `--net=${netns}`, ...words]);
}

/** The shell line left running as `run -d` does: in a session of its own, its output appended to the file. */
export function detached(line: string, log: string): string {
  return `setsid ${line} </dev/null >>${shellLine([log])} 2>&1 &`;
}
