type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** `fields` without those that are undefined: what a message didn't say is absent. */
export function withoutUndefined<T extends object>(fields: T): Defined<T> {
  const found: Record<string, unknown> = {};
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) found[name] = value;
  }
  return found as Defined<T>;
}

/** The name that `values` gives to `value`. */
export function nameOf<T extends string>(
  values: Readonly<Record<T, number>>,
  value: number | undefined,
): T | undefined {
  if (value === undefined) return undefined;
  for (const name in values) if (values[name] === value) return name;
  return undefined;
}
