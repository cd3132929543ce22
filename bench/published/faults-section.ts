import type { FaultFigure } from "../faults.ts";
import type { PowerFigure } from "../power-cuts.ts";
import type { Published } from "./published.ts";
import { originOf, tableOf } from "./section.ts";

const counts = ["failures", "deaths", "leaks", "losses", "unexplained"] as const;

/** What has become of all faults, as Markdown. */
export function faultsSectionOf({ faults: part }: Published): string {
  if (part === undefined) return "Not measured yet.";
  const data = part.rows.map((row) => row.data as unknown as FaultFigure | PowerFigure);
  const figures = data.filter((figure) => "operations" in figure);
  const run = figures.filter(({ lacks }) => lacks === undefined);
  const lines = run.map((figure) => [
    [figure.driver, figure.firewall].filter(Boolean).join(", "),
    shown(figure.operations.length),
    ...counts.map((count) => shown(figure[count])),
  ]);
  const operations = new Set(run.flatMap((figure) => figure.operations)).size;
  const sums = counts.map((count) => shown(run.reduce((sum, figure) => sum + figure[count], 0)));
  const lacking = figures.flatMap(({ driver, lacks }) =>
    lacks === undefined ? [] : [`${driver} wasn't run: this kernel has no ${lacks}.`],
  );
  const head = [
    "driver, firewall",
    "operations",
    "calls that failed",
    "deaths",
    "leaks",
    "lost state",
    "errors that don't say what to do",
  ];
  return [
    tableOf([head, ...lines, ["**all**", `${operations} different ones`, ...sums]]),
    ...data.flatMap((figure) => ("power" in figure ? [powerOf(figure)] : [])),
    [...lacking, originOf(part)].join(" "),
  ].join("\n\n");
}

function powerOf({ power, rounds, lost }: PowerFigure): string {
  const what = { cuts: "power cuts in the middle of writing", deaths: "deaths of whoever wrote" }[power];
  const kept = lost === 0 ? "it opened each time, and nothing that was acknowledged was lost" : `**lost: ${lost}**`;
  return `The state file after ${shown(rounds)} ${what}: ${kept}.`;
}

function shown(count: number): string {
  return count.toLocaleString("en");
}
