import { isName } from "@netkit/core";

/** Of the names that a runtime gives a container those that it can be found by, each once. */
export function usableNames(names: readonly string[]): string[] {
  return [...new Set(names)].filter(isName);
}
