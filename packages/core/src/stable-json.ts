/** JSON that is the same for the same data, in whatever order its keys were set. @param without keys that don't count */
export function stableJson(value: unknown, without: readonly string[] = []): string {
  return JSON.stringify(value, (key: string, part: unknown) => {
    if (without.includes(key)) return undefined;
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([x], [y]) => (x < y ? -1 : 1)));
  });
}
