/**
 * Refuses what a commit can't write: keys that aren't printable ASCII, and one key twice.
 * @throws TypeError
 */
export function requireKeys(keys: readonly string[]): void {
  const seen = new Set<string>();
  const bad = keys.find((key) => !/^[\x20-\x7e]+$/.test(key) || seen.size === seen.add(key).size);
  if (bad !== undefined) throw new TypeError(`not a key, or written twice in one commit: ${JSON.stringify(bad)}`);
}

/** The first key after all those that start with `prefix`. DEL sorts after all printable characters. */
export function endOfPrefix(prefix: string): string {
  return `${prefix}\u007f`;
}

/** What a store's text stands for: the text itself where it isn't JSON, which somebody else has written then. */
export function decodeValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A value as stores keep it. @throws TypeError for what isn't JSON: functions, symbols, bigints, circles */
export function encodeValue(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`not a value that can be stored: ${typeof value}`);
  return text;
}
