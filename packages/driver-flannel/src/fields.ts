/** The fields of a JSON object as Go reads them into a struct: by name whatever the case, null being none. */
export function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const present = Object.entries(value).filter(([, field]) => field !== null);
  return new Map(present.map(([name, field]) => [name.toLowerCase(), field]));
}
