import { didYouMean, NetkitError } from "@netkit/core";
import { parsePairs } from "./pairs.ts";

/** What each filter accepts: whether `item` is what `value` asks for. */
export type Matchers<T> = Readonly<Record<string, (item: T, value: string) => boolean>>;

/** The only values that there are of some keys. */
export type Words = Readonly<Record<string, readonly string[]>>;

/**
 * Docker's filters: values of one key are alternatives, keys must all hold, and so must all of several labels.
 * @throws NetkitError ARGUMENT_INVALID for an unknown key or value, with the nearest
 */
export function filter<T>(
  items: readonly T[],
  texts: readonly string[],
  matchers: Matchers<T>,
  words: Words = {},
): T[] {
  const wanted = texts.flatMap((text) => Object.entries(parsePairs("--filter", [text])));
  for (const [key, value] of wanted) {
    if (Object.hasOwn(matchers, key)) {
      refuseUnknown(key, value, words[key]);
      continue;
    }
    const known = Object.keys(matchers);
    throw new NetkitError("ARGUMENT_INVALID", `unknown filter ${JSON.stringify(key)}`, {
      hint: didYouMean(key, known, `Filters are ${known.join(", ")}.`),
    });
  }
  const groups = Map.groupBy(wanted, ([key, value]) => (key.startsWith("label") ? `${key} ${value}` : key));
  return items.filter((item) =>
    [...groups.values()].every((group) => group.some(([key, value]) => matchers[key]?.(item, value) === true)),
  );
}

function refuseUnknown(key: string, value: string, known: readonly string[] | undefined): void {
  if (known === undefined || known.includes(value)) return;
  throw new NetkitError("ARGUMENT_INVALID", `filter '${key}' has no ${JSON.stringify(value)}`, {
    hint: didYouMean(value, known, `It is one of ${known.join(", ")}.`),
  });
}

/** `label=key` or `label=key=value`. */
export function matchesLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const key = at === -1 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(labels, key) && (at === -1 || labels[key] === wanted.slice(at + 1));
}
