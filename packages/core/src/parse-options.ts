import { NetkitError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";
import { quoted } from "./quoted.ts";
import type { OptionInput, OptionSet, OptionValues } from "./option.ts";

/**
 * The values of `input` by canonical name, defaults filled in.
 * @throws NetkitError OPTION_UNKNOWN with the nearest known name, OPTION_INVALID with every bad value
 */
export function parseOptions<S extends OptionSet>(set: S, input: OptionInput, owner: string): OptionValues<S> {
  const names = new Map<string, string>();
  for (const [name, option] of Object.entries(set)) {
    for (const spelling of [name, ...(option.aliases ?? [])]) names.set(spelling, name);
  }
  const values: Record<string, unknown> = {};
  const spellings = new Map<string, string>();
  const problems: string[] = [];
  const forms: string[] = [];
  for (const [key, raw] of Object.entries(input)) {
    if (raw === undefined) continue;
    const name = names.get(key);
    const option = name === undefined ? undefined : set[name];
    if (name === undefined || option === undefined) {
      const known = Object.keys(set).join(", ");
      throw new NetkitError("OPTION_UNKNOWN", `${owner} has no option ${quoted(key)}`, {
        hint: didYouMean(key, names.keys(), known === "" ? "It takes no options." : `Its options are ${known}.`),
        details: { option: key, known: Object.keys(set) },
      });
    }
    const earlier = spellings.get(name);
    if (earlier !== undefined) {
      throw new NetkitError("OPTION_INVALID", `${owner}: ${quoted(earlier)} and ${quoted(key)} are the same option`, {
        hint: `Give it once, as ${name}=${option.value}.`,
        details: { option: name, given: [earlier, key] },
      });
    }
    spellings.set(name, key);
    const result = option.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else {
      const messages = new Set(result.error.issues.map(({ message }) => message));
      problems.push(`option '${key}': ${[...messages].join(", ")} (got ${shown(raw)})`);
      forms.push(`${name}=${option.value}`);
    }
  }
  if (problems.length > 0) {
    throw new NetkitError("OPTION_INVALID", `${owner}: ${problems.join("; ")}`, {
      hint: `Write ${forms.join(", ")}.`,
      details: { problems },
    });
  }
  for (const [name, option] of Object.entries(set)) {
    if (!Object.hasOwn(values, name) && option.default !== undefined) values[name] = option.default;
  }
  return values as OptionValues<S>;
}

function shown(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
