import { parseArgs, type ParseArgsConfig } from "node:util";
import { didYouMean, NetkitError } from "@netkit/core";
import type { Command, CommandOption, CommandOptions } from "./command.ts";
import { dockerOptionHint } from "./docker-words.ts";
import { changeOptions, globalOptions, versionOption } from "./globals.ts";

/** What the words of a command line came to, by the option and argument names of the definition. */
export interface Parsed {
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly arguments: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly command: readonly string[];
}

/** All options that a command understands, its own and those of every command; its own short letters win. */
export function optionsOf(command: Pick<Command, "options" | "changes">): CommandOptions {
  const own = command.options ?? {};
  const taken = new Set(Object.values(own).map((option) => option.short));
  const common: Record<string, CommandOption> = { ...globalOptions, ...(command.changes ? changeOptions : {}) };
  for (const [name, option] of Object.entries(common)) {
    const { short, ...rest } = option;
    if (short !== undefined && taken.has(short)) common[name] = rest;
  }
  return { ...own, ...common };
}

/**
 * The words after a command's name, by its definition. With `help` nothing has to be complete.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseWords(command: Command, words: readonly string[]): Parsed {
  const options = optionsOf(command);
  const { values, positionals } = readTokens(command, options, words);
  const named = nameArguments(command, positionals, values["help"] === true);
  return { options: values, ...named };
}

/**
 * The global options before the command, and the words from the command on.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function splitGlobals(argv: readonly string[]): { before: string[]; words: string[] } {
  const known = new Map<string, CommandOption>();
  for (const [name, option] of Object.entries<CommandOption>({ ...globalOptions, ...versionOption })) {
    known.set(`--${name}`, option);
    if (option.short !== undefined) known.set(`-${option.short}`, option);
  }
  let at = 0;
  for (let word = argv[at]; word?.startsWith("-"); word = argv[at]) {
    const [spelling = ""] = word.split("=");
    const option = known.get(spelling);
    if (option === undefined) {
      throw invalid(
        `netkit has no option ${spelling} before the command`,
        didYouMean(spelling, known.keys(), "See 'netkit --help'; the options of a command stand after it."),
      );
    }
    at += option.value === undefined || word.includes("=") ? 1 : 2;
  }
  return { before: argv.slice(0, at), words: argv.slice(at) };
}

interface Tokens {
  readonly values: Record<string, string | boolean | string[] | undefined>;
  readonly positionals: string[];
}

function readTokens(command: Command, options: CommandOptions, words: readonly string[]): Tokens {
  const byName = spellings(options);
  const config = {
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: parseArgsOptions(options),
  } as const satisfies ParseArgsConfig;
  const { tokens } = parseArgs(config);
  const values: Tokens["values"] = initialValues(options);
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      positionals.push(...words.slice(token.index + 1));
      break;
    }
    if (token.kind === "positional") {
      positionals.push(token.value);
      // What follows belongs to the command that is to run; only its own arguments come before it.
      if (command.takesCommand) {
        positionals.push(...words.slice(token.index + 1));
        break;
      }
      continue;
    }
    const known = byName.get(token.name);
    if (known === undefined) throw unknownOption(command, token.rawName, byName);
    const option = options[known];
    if (option === undefined) continue;
    values[known] = readValue(option, token.rawName, token.value, values[known]);
  }
  return { values, positionals };
}

/** Canonical names by each long spelling and each short letter. */
function spellings(options: CommandOptions): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, option] of Object.entries(options)) {
    for (const spelling of [name, ...(option.aliases ?? [])]) names.set(spelling, name);
  }
  return names;
}

function parseArgsOptions(options: CommandOptions): NonNullable<ParseArgsConfig["options"]> {
  const config: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, { short, aliases = [], value }] of Object.entries(options)) {
    const type = value === undefined ? ("boolean" as const) : ("string" as const);
    config[name] = short === undefined ? { type } : { type, short };
    for (const alias of aliases) config[alias] = { type };
  }
  return config;
}

function initialValues(options: CommandOptions): Tokens["values"] {
  const values: Tokens["values"] = {};
  for (const [name, option] of Object.entries(options)) {
    const isFlag = option.value === undefined && !option.optional;
    values[name] = option.many ? [] : isFlag ? option.default === "true" : option.default;
  }
  return values;
}

function readValue(
  option: CommandOption,
  rawName: string,
  value: string | undefined,
  before: string | boolean | string[] | undefined,
): string | boolean | string[] {
  if (option.value === undefined) {
    if (value === undefined || value === "true") return true;
    if (value === "false") return false;
    throw invalid(
      `${rawName} is true or false, not ${JSON.stringify(value)}`,
      `Write ${rawName} alone to turn it on, ${rawName}=false to turn it off.`,
    );
  }
  if (value === undefined || value === "--") {
    throw invalid(`${rawName} needs a value`, `Write it as ${rawName} ${option.value}.`);
  }
  return Array.isArray(before) ? [...before, value] : value;
}

function nameArguments(
  command: Command,
  positionals: readonly string[],
  incomplete: boolean,
): Pick<Parsed, "arguments" | "command"> {
  const named: Record<string, string | readonly string[] | undefined> = {};
  let at = 0;
  for (const [name, argument] of Object.entries(command.arguments ?? {})) {
    if (argument.many) {
      named[name] = positionals.slice(at);
      at = positionals.length;
    } else {
      named[name] = positionals[at];
      at += 1;
    }
    const given = argument.many ? named[name]?.length !== 0 : named[name] !== undefined;
    if (!given && !argument.optional && !incomplete) {
      throw invalid(`'netkit ${command.name}' needs ${name}`, usageHint(command));
    }
  }
  const rest = positionals.slice(at);
  if (command.takesCommand) {
    const words = rest[0] === "--" ? rest.slice(1) : rest;
    if (words.length === 0 && !incomplete) {
      throw invalid(`'netkit ${command.name}' needs a command to run`, usageHint(command));
    }
    return { arguments: named, command: words };
  }
  if (rest.length > 0 && !incomplete) {
    throw invalid(`'netkit ${command.name}' doesn't take ${JSON.stringify(rest[0])}`, usageHint(command));
  }
  return { arguments: named, command: [] };
}

function unknownOption(command: Command, rawName: string, known: ReadonlyMap<string, string>): NetkitError {
  const candidates = [...known.keys()].map((name) => `--${name}`);
  return invalid(
    `'netkit ${command.name}' has no option ${rawName}`,
    dockerOptionHint(command.name, rawName) ??
      didYouMean(rawName, rawName.startsWith("--") ? candidates : [], usageHint(command)),
  );
}

function usageHint(command: Command): string {
  return `See 'netkit ${command.name} --help'.`;
}

function invalid(message: string, hint: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", message, { hint });
}
