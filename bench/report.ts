/** One line of the table. */
export interface Row {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: "" | "Gbit/s" | "µs" | "x" | "ms" | "MB" | "kB" | "%" | "/s";
  /** At most, or at least if there can't be too much of it (`/s`); absent: only told. */
  readonly budget?: number;
  /** How the value came about, for a person. */
  readonly how: string;
  /** The figures behind it. */
  readonly data: Readonly<Record<string, unknown>>;
}

export function isOver({ value, budget, unit }: Row): boolean {
  return budget !== undefined && !(unit === "/s" ? value >= budget : value <= budget);
}

export function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

/** A value in the row's unit. */
export function formatted({ unit }: Pick<Row, "unit">, value: number): string {
  const digits = unit === "MB" || unit === "/s" || unit === "" ? 0 : 2;
  return `${value.toFixed(digits)} ${unit}`.trim();
}

/** The rows as a table for a terminal. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    return [
      row.budget === undefined ? " " : isOver(row) ? "✗" : "✓",
      row.what,
      formatted(row, row.value),
      row.budget === undefined ? "" : `${row.unit === "/s" ? ">=" : "<="} ${row.budget} ${row.unit}`,
      row.budget === undefined ? "" : isOver(row) ? "over" : "ok",
      row.how,
    ];
  });
  const lines = [["", "what", "value", "budget", "", "how"], ...cells];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 2 || column === 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
