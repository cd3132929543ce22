/**
 * A ruleset as `nft list ruleset` prints it, without the elements of dynamic sets: those come with packets, and go with time.
 */
export function lastingRules(ruleset: string): string {
  return ruleset.replaceAll(/(\tflags dynamic[^}]*)\n\t*elements = \{[^}]*\}/g, "$1");
}
