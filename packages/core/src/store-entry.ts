import { NetkitError } from "./errors.ts";

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

/** A value as stores keep it. @throws TypeError for what isn't JSON: functions, symbols, bigints, circles */
export function encodeValue(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`not a value that can be stored: ${typeof value}`);
  return text;
}

/**
 * The value in what {@link encodeValue} has made.
 * @param key as a client of the store's server has it, prefix and all
 * @throws NetkitError STATE_NEWER for what is no JSON: whoever else writes there has to be told apart
 */
export function decodeValue(text: string, key: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new NetkitError("STATE_NEWER", `what the store has under '${key}' is no JSON, and not netkit's`, {
      hint: "Remove it, or let netkit have another prefix than who writes there: by the path of the store's URL.",
      details: { key },
      cause,
    });
  }
}
