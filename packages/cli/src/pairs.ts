import { NetkitError } from "@netkit/core";

/**
 * `key=value` options as a record; the last one of a key counts. `bare` stands for the value where there is no `=`;
 * without it that is an error.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parsePairs(option: string, texts: readonly string[], bare?: string): Record<string, string> {
  const entries = texts.map((text) => {
    const at = text.indexOf("=");
    const key = at === -1 ? text : text.slice(0, at);
    const value = at === -1 ? bare : text.slice(at + 1);
    if (key === "" || value === undefined) {
      throw new NetkitError("ARGUMENT_INVALID", `${option} ${JSON.stringify(text)} is not key=value`, {
        hint: `Write it as ${option} key=value.`,
      });
    }
    return [key, value] as const;
  });
  return Object.fromEntries(entries);
}
