import { NetkitError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";
import { quoted } from "./quoted.ts";
import type { OptionInput, OptionSet, OptionValues } from "./option.ts";

/**
 * The values of `input` by canonical name, defaults filled in.
 * @throws NetkitError with everything that is wrong: OPTION_UNKNOWN, or OPTION_INVALID when a value is bad too
 */
export function parseOptions<S extends OptionSet>(set: S, input: OptionInput, owner: string): OptionValues<S> {
  const names = new Map<string, string>();
  for (const [name, option] of Object.entries(set)) {
    for (const spelling of [name, ...(option.aliases ?? [])]) names.set(spelling, name);
  }
  const values: Record<string, unknown> = {};
  const spellings = new Map<string, string>();
  const unknown: string[] = [];
  const problems: string[] = [];
  const hints = new Set<string>();
  const forms: string[] = [];
  for (const [key, raw] of Object.entries(input)) {
    if (raw === undefined) continue;
    const name = names.get(key);
    const option = name === undefined ? undefined : set[name];
    if (name === undefined || option === undefined) {
      const known = Object.keys(set).join(", ");
      unknown.push(key);
      hints.add(didYouMean(key, names.keys(), known === "" ? "It takes no options." : `Its options are ${known}.`));
      continue;
    }
    const earlier = spellings.get(name);
    if (earlier !== undefined) {
      problems.push(`${quoted(earlier)} and ${quoted(key)} are the same option`);
      hints.add(`Give it once, as ${name}=${option.value}.`);
      continue;
    }
    spellings.set(name, key);
    const result = option.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else {
      const messages = [...new Set(result.error.issues.map(({ message }) => message))].join(", ");
      const told = typeof raw === "string" && messages.includes(quoted(raw));
      problems.push(`option '${key}': ${messages}${told ? "" : ` (got ${shown(raw)})`}`);
      const own = result.error.issues.flatMap((issue) => (issue.code === "custom" ? hintOf(issue.params) : []));
      if (own.length === 0) forms.push(`${name}=${option.value}`);
      for (const hint of own) hints.add(hint);
    }
  }
  if (forms.length > 0) hints.add(`Write ${forms.join(", ")}.`);
  if (unknown.length + problems.length > 0) {
    const [first] = unknown;
    const start =
      first === undefined ? owner : `${owner} has no option ${unknown.map((key) => quoted(key)).join(", ")}`;
    const message = `${start}${first === undefined ? ": " : problems.length === 0 ? "" : "; "}${problems.join("; ")}`;
    throw new NetkitError(problems.length === 0 ? "OPTION_UNKNOWN" : "OPTION_INVALID", message, {
      hint: [...hints].join(" "),
      details: {
        ...(first === undefined ? {} : { option: first, known: Object.keys(set) }),
        ...(problems.length === 0 ? {} : { problems }),
      },
    });
  }
  for (const [name, option] of Object.entries(set)) {
    if (!Object.hasOwn(values, name) && option.default !== undefined) values[name] = option.default;
  }
  return values as OptionValues<S>;
}

/** What {@link parsed} keeps of a refusal's hint. */
function hintOf(params: Readonly<Record<string, unknown>> | undefined): string[] {
  return typeof params?.["hint"] === "string" ? [params["hint"]] : [];
}

function shown(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
