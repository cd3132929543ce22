import type { ChangeOptions, Netkit } from "@netkit/engine";
import type { Globals } from "./globals.ts";
import type { Terminal } from "./terminal.ts";

/** What a value can be completed to in a shell. */
export type Completion =
  | "network"
  | "global-network"
  | "sandbox"
  | "member"
  | "pod"
  | "published-port"
  | "driver"
  | "network-option"
  | "endpoint-option"
  | "link-or-address"
  | "command"
  | "path"
  | readonly string[];

/** One option: a flag unless it has a `value`. Parsing, help and completion derive from it. */
export interface CommandOption {
  readonly summary: string;
  /** One letter. */
  readonly short?: string;
  /** Other long spellings, such as Docker's. */
  readonly aliases?: readonly string[];
  /** What stands for the value in help: `CIDR`. */
  readonly value?: string;
  /** May be given several times. */
  readonly many?: true;
  /** Of a flag `true`: it is turned off with `--name=false`. */
  readonly default?: string;
  /** Of a flag: whether it was given makes a difference, so that it is undefined without. */
  readonly optional?: true;
  readonly complete?: Completion;
}

/** One positional argument; the order of the record's keys is the order on the command line. */
export interface Argument {
  readonly summary: string;
  /** One or more; the last argument only. */
  readonly many?: true;
  readonly optional?: true;
  readonly complete?: Completion;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;
export type Arguments = Readonly<Record<string, Argument>>;

/** The values of parsed options: a list for `many`, text for those with a value, otherwise true or false. */
export type OptionValues<O extends CommandOptions> = {
  readonly [K in keyof O]: O[K] extends { many: true }
    ? readonly string[]
    : O[K] extends { value: string }
      ? O[K] extends { default: string }
        ? string
        : string | undefined
      : O[K] extends { optional: true }
        ? boolean | undefined
        : boolean;
};

export type ArgumentValues<A extends Arguments> = {
  readonly [K in keyof A]: A[K] extends { many: true }
    ? readonly string[]
    : A[K] extends { optional: true }
      ? string | undefined
      : string;
};

/** What a command has to work with. */
export interface Context<O extends CommandOptions = CommandOptions, A extends Arguments = Arguments> {
  readonly options: OptionValues<O>;
  readonly arguments: ArgumentValues<A>;
  /** The command to run in a sandbox (definitions with `takesCommand`). */
  readonly command: readonly string[];
  readonly globals: Globals;
  readonly terminal: Terminal;
  /** To be handed to every call that changes something: --dry-run, --explain and Ctrl-C work by it. */
  readonly change: ChangeOptions;
  /** Opens the state directory at the first call; closed after the command. Who is only looking makes none. */
  readonly open: (looking?: boolean) => Promise<Netkit>;
}

/** What a command came to; it is printed in one place. */
export interface Result {
  /** Printed by --json. */
  readonly data?: unknown;
  /** Printed otherwise. Nothing is printed for "". */
  readonly text?: string;
  /** What went wrong with some of several objects; the first decides the exit status. */
  readonly errors?: readonly unknown[];
  readonly exitCode?: number;
  /** Shell lines that belong after those of the plan (`--explain`). */
  readonly shell?: readonly string[];
  /** What a plan that is only shown doesn't say. */
  readonly note?: string;
}

interface Example {
  readonly line: string;
  readonly summary: string;
}

/** A further part of a command's help. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

export interface Definition<O extends CommandOptions, A extends Arguments> {
  /** As typed: `network create`. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Paragraphs below the summary. */
  readonly details?: readonly string[];
  readonly arguments?: A;
  readonly options?: O;
  readonly examples: readonly Example[];
  /** Takes --dry-run, --explain and --timings. */
  readonly changes: boolean;
  /** Stops in good order at Ctrl-C, as commands that change something always do. */
  readonly abortable?: true;
  /** Ends with a command to run: options stop at the last argument or `--`. */
  readonly takesCommand?: true;
  /** Exit status for netkit's own errors, instead of the one by kind of error. */
  readonly failureCode?: number;
  /** What exit status 1 says that it has found. */
  readonly finds?: string;
  /** Parts of the help that depend on what else was given, such as the driver's options. */
  help?(
    context: Pick<Context<O, Partial<A> & Arguments>, "options" | "arguments" | "globals" | "open">,
  ): Promise<HelpSection[]>;
  run(context: Context<O, A>): Promise<Result>;
}

/** A definition whose options and arguments are no longer known to the compiler. */
export type Command = Definition<CommandOptions, Arguments>;

/** Checks a definition's `run` against its own options and arguments. */
export function command<const O extends CommandOptions, const A extends Arguments>(
  definition: Definition<O, A>,
): Command {
  return definition;
}
