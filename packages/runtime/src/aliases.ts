import { isNetkitError, parseName } from "@netkit/core";

/** Of the names that a runtime gives a container those that it can be found by, each once. */
export function usableNames(names: readonly string[]): string[] {
  return [...new Set(names)].filter(isName);
}

function isName(text: string): boolean {
  try {
    parseName("alias", text);
    return true;
  } catch (error) {
    if (isNetkitError(error)) return false;
    throw error;
  }
}
