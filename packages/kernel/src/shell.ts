import type { HandlerContext, NamespaceRef } from "@netkit/core";
import { markOf, type Mark } from "./mark.ts";
import { ifThere, namespaceName } from "./namespaces.ts";

/** How commands are written for a person or `sh`: `ip`, `bridge`, `tc` and `sysctl` in the right namespace. */
export interface Shell {
  readonly mark: Mark;
  /** `ip ...` in the namespace. */
  ip(ns: NamespaceRef, ...words: Words): string;
  /** `bridge ...` in the namespace. */
  bridge(ns: NamespaceRef, ...words: Words): string;
  /** `tc ...` in the namespace. */
  tc(ns: NamespaceRef, ...words: Words): string;
  /** Any other command in the namespace. */
  run(ns: NamespaceRef, ...words: Words): string;
  /** What opens a sandbox's namespace now. */
  path(ns: NamespaceRef): string | undefined;
  /** `netns NAME` for a link that a command in `from` makes in `to`; nothing where they are the same. */
  netns(from: NamespaceRef, to: NamespaceRef): Word[];
}

/** A word of a command, quoted as needed, or nothing. */
export type Word = string | number | undefined;

/** The words of a command; parts that belong together may stand in a list. */
export type Words = readonly (Word | readonly Word[])[];

/** A keyword and its value, or nothing without a value. */
export function pair(keyword: string, value: string | number | undefined): Word[] {
  return value === undefined ? [] : [keyword, value];
}

/** The host's namespace is that of the shell that runs the commands. */
const OWN_PID = "$$";

/** A word as `sh` reads it back. */
export function quote(word: string): string {
  return word === OWN_PID || /^[A-Za-z0-9_@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function command(...words: Words): string {
  return words
    .flat()
    .filter((word) => word !== undefined)
    .map((word) => quote(String(word)))
    .join(" ");
}

export function shellOf(context: HandlerContext): Shell {
  const tool =
    (name: "ip" | "bridge" | "tc") =>
    (ns: NamespaceRef, ...words: Words): string => {
      if (ns === "host") return command(name, ...words);
      const path = context.namespacePath(ns);
      const known = namespaceName(path);
      return known === undefined
        ? command("nsenter", `--net=${path}`, name, ...words)
        : command(name, "-n", known, ...words);
    };
  return {
    mark: markOf(context.mark),
    ip: tool("ip"),
    bridge: tool("bridge"),
    tc: tool("tc"),
    run(ns, ...words) {
      if (ns === "host") return command(...words);
      const path = context.namespacePath(ns);
      const known = namespaceName(path);
      return known === undefined
        ? command("nsenter", `--net=${path}`, ...words)
        : command("ip", "netns", "exec", known, ...words);
    },
    path: (ns) => ifThere(() => context.namespacePath(ns)),
    netns(from, to) {
      if (from === to) return [];
      if (to === "host") return ["netns", OWN_PID];
      const path = context.namespacePath(to);
      return ["netns", namespaceName(path) ?? path];
    },
  };
}
