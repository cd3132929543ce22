import { machineLine } from "../machine.ts";
import { cases, pathKinds, verbs, type Case, type PathFigure, type PeerFigure, type Verb } from "../peers/figures.ts";
import { caseNames, pathNames, titleOf } from "../peers/rows.ts";
import { formatted, isOver, type Row } from "../report.ts";
import type { Published, PublishedPart } from "./published.ts";

/** The figures of how fast it is as Markdown. */
export function sectionOf(published: Published): string {
  const { peers } = published;
  const others = Object.fromEntries(Object.entries(published).filter(([part]) => !["peers", "faults"].includes(part)));
  return [
    ...(peers === undefined ? [] : peersOf(peers)),
    ...(Object.keys(others).length > 0 ? othersOf(others) : []),
  ].join("\n\n");
}

/** What each contender took, among a part's rows. */
export function figuresOf({ rows }: PublishedPart): PeerFigure[] {
  return rows.flatMap(({ data }) => ("verb" in data && "contender" in data ? [data as unknown as PeerFigure] : []));
}

function peersOf(part: PublishedPart): string[] {
  const figures = figuresOf(part);
  const comparisons = part.rows.filter(({ data }) => "ours" in data);
  const slower = comparisons.filter(({ value, data }) => value > 1 && !String(data["theirs"]).startsWith("floor"));
  const samples = (what: Case): number => of(figures, "library", what)?.samples ?? 0;
  return [
    `![How long netkit and others take to attach and to detach a container with ten ports](bench/published/chart.svg)`,
    `Medians in ms, the least and the most of ${samples("0")} turns (${samples("crowd")} of 32), and how many times netkit's library it is:`,
    ...verbs.map((verb) => verbTable(figures, verb)),
    "How packets go then, both ends on one CPU:",
    pathTable(part),
    listOf("Where netkit isn't the fastest", slower) ??
      "netkit is the fastest in each row, beside what does the same job.",
    listOf("What it has yet to reach", comparisons.filter(isOver)) ?? "Every goal is reached.",
    `${originOf(part)} ${missingOf(part)}`,
  ];
}

function verbTable(figures: readonly PeerFigure[], verb: Verb): string {
  const here = figures.filter((figure) => figure.verb === verb);
  const own = (what: Case): PeerFigure | undefined => of(here, "library", what);
  const least = (what: Case): number =>
    Math.min(...here.filter((one) => one.case === what && one.kind !== "floor").map(({ median }) => median));
  const cell = (figure: PeerFigure | undefined): string => {
    if (figure === undefined) return "";
    const { median, min, max, case: what } = figure;
    const shown = median === least(what) ? `**${digits(median)}**` : digits(median);
    const times = median / (own(what)?.median ?? Number.NaN);
    return `${shown} (${digits(min)}–${digits(max)}) ${times.toFixed(1)}×`;
  };
  const ids = [...new Set(here.map(({ contender }) => contender))];
  const rows = ids.map((id) => {
    const row = cases.map((what) => of(here, id, what));
    return [row[0] === undefined ? "" : titleOf(row[0]), ...row.map(cell)];
  });
  return tableOf([[verb, ...cases.map((what) => caseNames[what])], ...rows]);
}

function pathTable({ rows }: PublishedPart): string {
  const figures = rows.flatMap(({ data }) =>
    "path" in data && "contender" in data ? [data as unknown as PathFigure] : [],
  );
  const lines = [...new Set(figures.map(({ contender }) => contender))].map((id) => {
    const own = figures.filter(({ contender }) => contender === id);
    const cells = pathKinds.map((kind) => {
      const figure = own.find(({ path }) => path === kind);
      return figure === undefined ? "" : `${digits(figure.median)} (${digits(figure.min)}–${digits(figure.max)})`;
    });
    return [own[0] === undefined ? "" : titleOf(own[0]), ...cells];
  });
  return tableOf([["", ...pathKinds.map((kind) => pathNames[kind])], ...lines]);
}

function of(figures: readonly PeerFigure[], id: string, what: Case): PeerFigure | undefined {
  return figures.find((figure) => figure.contender === id && figure.case === what);
}

function listOf(title: string, rows: readonly Row[]): string | undefined {
  if (rows.length === 0) return undefined;
  const lines = rows.map(({ what, value, budget, how }) => {
    const goal = budget === undefined ? "" : `, the goal ${budget}`;
    return `- ${what}: ${value.toFixed(2)} times${goal} (${how})`;
  });
  return `${title}:\n\n${lines.join("\n")}`;
}

function missingOf({ rows }: PublishedPart): string {
  const how = rows.find(({ id }) => id === "peers-missing")?.how ?? "";
  return how === "" ? "All were there." : `Not there: ${how}.`;
}

export function originOf({ machine, date, quick }: PublishedPart): string {
  return `From ${date}${quick ? ", with `--quick`" : ""}: ${machineLine(machine)}. ${machine.load > machine.cores ? "**That machine was busy.** " : ""}`.trim();
}

/** What else was measured, a line each. */
function othersOf(parts: Published): string[] {
  const rows = Object.values(parts).flatMap((part) =>
    part.rows.map((row) => [
      row.what,
      formatted(row, row.value),
      row.budget === undefined ? "" : `${formatted(row, row.budget)}${isOver(row) ? ", missed" : ""}`,
      row.how,
    ]),
  );
  const origins = [...new Set(Object.values(parts).map(originOf))];
  return ["Alone, or beside its floors:", tableOf([["what", "figure", "budget", "how"], ...rows]), ...origins];
}

export function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |")).join("\n");
}

/** Three of them at most. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
