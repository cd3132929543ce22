import { findCommand, nextWords } from "../catalog.ts";
import type { Command, CommandOption, CommandOptions } from "../command.ts";
import { globalOptions, versionOption } from "../globals.ts";
import { optionsOf, parseWords, splitGlobals, type Parsed } from "../parse.ts";
import { pathCandidate, type Candidate } from "./candidate.ts";
import { valuesFor } from "./values.ts";

/**
 * What the last of the words can be completed to, one a line: the word, a tab, what it is. The words are those of a
 * command line after `netkit`; the last one is unfinished, perhaps "".
 */
export async function complete(words: readonly string[]): Promise<string[]> {
  const found = await candidates(words.slice(0, -1), words.at(-1) ?? "");
  return found.map(({ word, summary }) => (summary === undefined ? word : `${word}\t${summary}`));
}

async function candidates(done: readonly string[], partial: string): Promise<Candidate[]> {
  const { before, words } = splitGlobals(done);
  if (words.length === 0) {
    const last = before.length > 0 ? valueWanted(before.at(-1) ?? "", globalOptions) : undefined;
    if (last !== undefined) return await startingWith(partial, valuesFor(last.complete, partial, undefined));
    if (partial.startsWith("-")) return optionCandidates({ ...globalOptions, ...versionOption }, partial);
  }
  const found = findCommand(words);
  if (found.command === undefined) return commandCandidates(found.group, partial);
  return await wordsOf(found.command, [...before, ...words.slice(found.count)], partial);
}

function commandCandidates(group: string, partial: string): Candidate[] {
  const words = [...nextWords(group)].map(([word, summary]) => ({ word, summary }));
  return words.filter(({ word }) => word.startsWith(partial));
}

async function wordsOf(command: Command, done: readonly string[], partial: string): Promise<Candidate[]> {
  const options = optionsOf(command);
  const waiting = valueWanted(done.at(-1) ?? "", options);
  // What comes before must be understood without the option that waits for its value.
  const parsed = parseWords(command, ["--help", ...(waiting === undefined ? done : done.slice(0, -1))]);
  if (waiting !== undefined)
    return await startingWith(partial, valuesFor(waiting.complete, partial, { command, parsed }));
  if (done.includes("--") && command.takesCommand) return [pathCandidate];
  const inline = /^(--[^=]+=)(.*)$/s.exec(partial);
  const named = inline?.[1] === undefined ? undefined : valueWanted(inline[1].slice(0, -1), options);
  if (inline !== null && named !== undefined) {
    const [, prefix = "", value = ""] = inline;
    const values = await startingWith(value, valuesFor(named.complete, value, { command, parsed }));
    return values.map((candidate) =>
      candidate === pathCandidate ? candidate : { ...candidate, word: prefix + candidate.word },
    );
  }
  if (partial.startsWith("-")) return optionCandidates(options, partial);
  const next = nextArgument(command, parsed);
  if (next === undefined) return command.takesCommand ? [pathCandidate] : [];
  return await startingWith(partial, valuesFor(next.complete, partial, { command, parsed }));
}

/** The option that a word names, if it is one with a value. */
function valueWanted(word: string, options: CommandOptions): CommandOption | undefined {
  for (const [name, option] of Object.entries(options)) {
    const spellings = [name, ...(option.aliases ?? [])].map((spelling) => `--${spelling}`);
    if (option.short !== undefined) spellings.push(`-${option.short}`);
    if (option.value !== undefined && spellings.includes(word)) return option;
  }
  return undefined;
}

function optionCandidates(options: CommandOptions, partial: string): Candidate[] {
  return Object.entries(options)
    .map(([name, { summary }]) => ({ word: `--${name}`, summary }))
    .filter(({ word }) => word.startsWith(partial));
}

function nextArgument(command: Command, { arguments: given }: Parsed) {
  return Object.entries(command.arguments ?? {}).find(([name, { many }]) => many || given[name] === undefined)?.[1];
}

async function startingWith(partial: string, values: Promise<readonly Candidate[]>): Promise<Candidate[]> {
  return (await values).filter((candidate) => candidate === pathCandidate || candidate.word.startsWith(partial));
}
