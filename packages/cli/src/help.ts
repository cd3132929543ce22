import { exitCodes } from "@netkit/core";
import { commandsOf, groups } from "./catalog.ts";
import type { Argument, Command, CommandOption, CommandOptions, Context, HelpSection } from "./command.ts";
import { changeOptions, globalOptions, versionOption } from "./globals.ts";
import { columns } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Help as text and, for --json, as data. */
export interface Help {
  readonly text: string;
  readonly data: unknown;
}

/** Help for `netkit` itself ("") or a group of commands. */
export function groupHelp(group: string, terminal: Terminal): Help {
  const rows = commandsOf(group).map(({ name, summary }) => [name, summary] as const);
  const title = group === "" ? "Docker-style networks for any process" : (groups[group] ?? "");
  const text = [
    title,
    section(terminal, "Usage", `  netkit ${group === "" ? "[OPTIONS] " : `${group} `}COMMAND`),
    section(terminal, "Commands", columns(rows)),
    ...(group === ""
      ? [section(terminal, "Options", columns(optionRows({ ...globalOptions, ...versionOption })))]
      : []),
    "'netkit COMMAND --help' shows a command's options and examples.",
  ].join("\n\n");
  return { text, data: { name: group, summary: title, commands: rows.map(([name, summary]) => ({ name, summary })) } };
}

/** Help for one command, with what it says about what else was given. */
export async function commandHelp(command: Command, context: Context): Promise<Help> {
  const further = (await command.help?.(context)) ?? [];
  const { terminal } = context;
  const named = Object.entries(command.arguments ?? {});
  const own = optionRows(command.options ?? {});
  const taken = new Set(Object.values(command.options ?? {}).map(({ short }) => short));
  const common = optionRows({ ...(command.changes ? changeOptions : {}), ...globalOptions }, taken);
  const text = [
    command.summary,
    section(terminal, "Usage", `  ${usage(command)}`),
    ...(command.details ?? []),
    ...(named.length === 0
      ? []
      : [section(terminal, "Arguments", columns(named.map(([name, { summary }]) => [name, summary])))]),
    ...(own.length === 0 ? [] : [section(terminal, "Options", columns(own))]),
    ...further.map(({ title, rows }: HelpSection) => section(terminal, title, columns(rows))),
    section(terminal, "Options of every command", columns(common)),
    section(
      terminal,
      "Examples",
      command.examples.map(({ line, summary }) => `  ${terminal.out("dim", `# ${summary}`)}\n  ${line}`).join("\n"),
    ),
    ...(command.failureCode === undefined ? [section(terminal, "Exit status", exitStatus(command))] : []),
  ].join("\n\n");
  return { text, data: helpData(command, further) };
}

/** `netkit network connect [OPTIONS] NETWORK SANDBOX`. */
function usage(command: Command): string {
  const named = Object.entries(command.arguments ?? {}).map(([name, argument]) => spelled(name, argument));
  return [
    "netkit",
    command.name,
    "[OPTIONS]",
    ...named,
    ...(command.takesCommand ? ["[--] COMMAND [ARG...]"] : []),
  ].join(" ");
}

function spelled(name: string, { many, optional }: Argument): string {
  const shown = many ? `${name}...` : name;
  return optional ? `[${shown}]` : shown;
}

function section(terminal: Terminal, title: string, body: string): string {
  return `${terminal.out("bold", `${title}:`)}\n${body}`;
}

function optionRows(options: CommandOptions, taken: ReadonlySet<string | undefined> = new Set()): [string, string][] {
  return Object.entries(options).map(([name, option]) => [spelling(name, option, taken), describe(option)]);
}

function spelling(name: string, { short, value }: CommandOption, taken: ReadonlySet<string | undefined>): string {
  const letter = short === undefined || taken.has(short) ? "    " : `-${short}, `;
  return `${letter}--${name}${value === undefined ? "" : ` ${value}`}`;
}

function describe({ summary, many, aliases = [], default: preset }: CommandOption): string {
  const notes = [
    ...(many ? ["repeatable"] : []),
    ...(preset === undefined ? [] : [`default ${preset}`]),
    ...(aliases.length === 0 ? [] : [`also ${aliases.map((alias) => `--${alias}`).join(", ")}`]),
  ];
  return notes.length === 0 ? summary : `${summary} (${notes.join("; ")})`;
}

function exitStatus({ finds }: Command): string {
  const kinds = Object.entries(exitCodes).map(([kind, code]) => `${code} ${kind}`);
  return `  ${["0 success", ...(finds === undefined ? [] : [`1 ${finds}`]), ...kinds].join(", ")}`;
}

function helpData(command: Command, further: readonly HelpSection[]): unknown {
  const { name, summary, details = [], examples, changes } = command;
  return {
    name,
    summary,
    details,
    usage: usage(command),
    changes,
    arguments: command.arguments ?? {},
    options: { ...command.options, ...(changes ? changeOptions : {}), ...globalOptions },
    examples,
    further,
  };
}
