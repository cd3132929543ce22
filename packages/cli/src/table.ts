/** Docker's tables: columns three blanks apart and at least ten wide, the last one as wide as its text. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headers, ...rows];
  const widths = headers.map((_, column) => Math.max(10, ...lines.map((line) => (line[column] ?? "").length + 3)));
  return lines
    .map((line) => line.map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))))
    .map((cells) => cells.join("").trimEnd())
    .join("\n");
}

/** Two columns for help and reports: the second starts at the same place in all rows. */
export function columns(rows: readonly (readonly [string, string])[], indent = "  "): string {
  const width = Math.min(34, Math.max(0, ...rows.map(([left]) => left.length))) + 2;
  return rows
    .map(([left, right]) => {
      if (right === "") return `${indent}${left}`;
      // A left part that is too long stands on a line of its own.
      const gap = left.length + 2 > width ? `\n${indent}${" ".repeat(width)}` : " ".repeat(width - left.length);
      return `${indent}${left}${gap}${right}`;
    })
    .join("\n");
}
