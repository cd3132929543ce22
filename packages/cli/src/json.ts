/** JSON for people and programs alike: two blanks of indent, counts beyond 2^53 as text. */
export function formatJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, replaceBigint, indent) ?? "null";
}

function replaceBigint(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
