import { isNetkitError, NetkitError } from "@netkit/core";

/** What `parse` makes of an option's value; where it refuses, the message names the option. */
export function optionValue<T>(option: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!isNetkitError(error)) throw error;
    const { code, message, hint, details } = error;
    throw new NetkitError(code, `${option}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      details,
      cause: error,
    });
  }
}
