/** Names in a message: the first five in quotes, and how many more there are. */
export function listed(names: readonly string[]): string {
  return enumerated(names.map((name) => `'${name}'`));
}

/** As {@link listed}, of words that are as they should be. */
export function enumerated(words: readonly string[]): string {
  const shown = words.slice(0, 5);
  return words.length > 5 ? `${shown.join(", ")} and ${words.length - 5} more` : shown.join(", ");
}
