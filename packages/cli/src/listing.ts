import type { CommandOption, Result } from "./command.ts";
import { formatJson } from "./json.ts";
import { table } from "./table.ts";
import { template } from "./template.ts";

/** The options of every `ls`. */
export const listOptions = {
  filter: { short: "f", value: "KEY=VALUE", many: true, summary: "Only those that match" },
  format: { value: "FORMAT", summary: "'json', a Go template, or 'table' and a template", complete: ["json", "table"] },
  quiet: { short: "q", summary: "Ids alone" },
  "no-trunc": { summary: "Ids in full" },
} as const;

/** `--filter`, completed to these words: `name=`, or `state=up` where there are but few. */
export function filterBy(...words: string[]): typeof listOptions.filter & Pick<CommandOption, "complete"> {
  return { ...listOptions.filter, complete: words };
}

interface Listing<R> {
  /** What --json prints. */
  readonly data: unknown;
  readonly rows: readonly R[];
  /** The heading of each field of a row. */
  readonly headers: Readonly<Record<keyof R, string>>;
  /** The fields of the table when there is no --format. */
  readonly columns: readonly (keyof R & string)[];
  readonly quiet: boolean;
  readonly format: string | undefined;
}

/** Rows as a table, as ids alone, or as --format says. */
export function list<R extends { readonly ID: string }>(listing: Listing<R>): Result {
  const { data, rows, headers, columns, quiet, format } = listing;
  if (quiet) return { data: rows.map((row) => row.ID), text: rows.map((row) => row.ID).join("\n") };
  if (format === "json") return { data, text: rows.map((row) => formatJson(row, 0)).join("\n") };
  const tabular = /^table(?:\s+([^]*))?$/.exec(format ?? "table");
  if (tabular === null) return { data, text: rows.map(template(format ?? "")).join("\n") };
  const render = template(tabular[1] ?? columns.map((column) => `{{.${column}}}`).join("\\t"));
  return {
    data,
    text: table(
      render(headers).split("\t"),
      rows.map((row) => render(row).split("\t")),
    ),
  };
}
