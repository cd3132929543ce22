import { machineLine } from "../machine.ts";
import { ofContender, titleOf } from "../peers/comparison.ts";
import { startKinds } from "../peers/contender.ts";
import {
  cases,
  pathKinds,
  verbs,
  type Case,
  type GrowthFigure,
  type Owner,
  type PathFigure,
  type PeerFigure,
  type StartFigure,
  type Verb,
} from "../peers/figures.ts";
import { growthOf } from "../peers/growth-rows.ts";
import { pathNames, pathUnits, shownPath } from "../peers/path-rows.ts";
import { caseNames } from "../peers/rows.ts";
import { startNames } from "../peers/start-rows.ts";
import { formatted, isOver, type Row } from "../report.ts";
import type { Published, PublishedPart } from "./published.ts";

/** The figures of how fast it is as Markdown. */
export function sectionOf(published: Published): string {
  const { peers } = published;
  const others = Object.fromEntries(Object.entries(published).filter(([part]) => !["peers", "faults"].includes(part)));
  return [
    ...(peers === undefined ? [] : peersOf(peers, Object.values(others))),
    ...(Object.keys(others).length > 0 ? othersOf(others) : []),
  ].join("\n\n");
}

/** What each contender took, among a part's rows. */
export function figuresOf(part: PublishedPart): PeerFigure[] {
  return figuresWith<PeerFigure>(part, "verb");
}

/** Those of one kind: whose they are, and what has this field. */
function figuresWith<F extends Owner>({ rows }: PublishedPart, field: keyof F & string): F[] {
  return rows.flatMap(({ data }) => (field in data && "contender" in data ? [data as unknown as F] : []));
}

/** @param others where netkit is compared with peers, too */
function peersOf(part: PublishedPart, others: readonly PublishedPart[]): string[] {
  const figures = figuresOf(part);
  const comparisons = [part, ...others].flatMap(({ rows }) => rows.filter(({ data }) => "ours" in data));
  const missed = [part, ...others].flatMap(({ rows }) => rows.filter(isOver));
  const slower = comparisons.filter(
    (row) => row.value > 1 && !isOver(row) && !String(row.data["theirs"]).startsWith("floor"),
  );
  const samples = (what: Case): number => of(figures, "library", what)?.samples ?? 0;
  return [
    `![How long netkit and others take to attach and to detach a container with ten ports](bench/published/chart.svg)`,
    `Medians in ms, the least and the most of ${samples("0")} turns (${samples("crowd")} of 32, at most ${samples("range")} of a range), and how many times netkit's library it is; an empty cell wasn't measured:`,
    ...verbs.map((verb) => verbTable(figures, verb)),
    ...toldOf(part, "peers-left-out", "Without a range, which takes them too long"),
    ...growthTable(figuresWith<GrowthFigure>(part, "boxes")),
    ...pathTable(figuresWith<PathFigure>(part, "path")),
    ...startTable(figuresWith<StartFigure>(part, "start")),
    listOf("What it has yet to reach", missed) ?? "Every goal is reached.",
    listOf("Where else netkit isn't the fastest", slower) ??
      "netkit is the fastest in each other row, beside what does the same job.",
    [originOf(part), toldOf(part, "peers-missing", "Not there")[0] ?? "All were there."].join(" "),
  ];
}

function verbTable(figures: readonly PeerFigure[], verb: Verb): string {
  const here = figures.filter((figure) => figure.verb === verb);
  const measured = cases.filter((what) => here.some((figure) => figure.case === what));
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
  const rows = byContender(here).map((own) => [
    titlesOf(own),
    ...measured.map((what) => cell(own.find((figure) => figure.case === what))),
  ]);
  return tableOf([[verb, ...measured.map((what) => caseNames[what])], ...rows]);
}

function growthTable(figures: readonly GrowthFigure[]): string[] {
  if (figures.length === 0) return [];
  const rows = figures.map((figure) => [
    titleOf(figure),
    digits(figure.first),
    digits(figure.last),
    `${growthOf(figure).toFixed(2)}×`,
  ]);
  const table = tableOf([["", "the first ten, ms", "the last ten, ms", "growth"], ...rows]);
  return [`${figures[0]?.boxes ?? 0} attached one after the other, with a port each:`, table];
}

function pathTable(figures: readonly PathFigure[]): string[] {
  if (figures.length === 0) return [];
  const measured = pathKinds.filter((kind) => figures.some(({ path }) => path === kind));
  const rows = byContender(figures).map((own) => [
    titlesOf(own),
    ...measured.map((kind) => pathCell(own.find(({ path }) => path === kind))),
  ]);
  const table = tableOf([["", ...measured.map((kind) => `${pathNames[kind]}, ${pathUnits[kind]}`)], ...rows]);
  return ["How packets go then, both ends on one CPU:", table];
}

function pathCell(figure: PathFigure | undefined): string {
  return figure === undefined ? "" : `${shownPath(figure, digits)} (${digits(figure.min)}–${digits(figure.max)})`;
}

function startTable(figures: readonly StartFigure[]): string[] {
  if (figures.length === 0) return [];
  const rows = byContender(figures).map((own) => [
    titlesOf(own),
    ...startKinds.map((kind) => {
      const figure = own.find(({ start }) => start === kind);
      return figure === undefined ? "" : `${digits(figure.median)} (${digits(figure.min)}–${digits(figure.max)})`;
    }),
  ]);
  return [
    "Commands as whole processes, in ms:",
    tableOf([["", ...startKinds.map((kind) => startNames[kind])], ...rows]),
  ];
}

/** Each one's, in the order of the rows. */
function byContender<F extends Owner>(figures: readonly F[]): F[][] {
  return [...Map.groupBy(figures, ({ contender }) => contender).values()];
}

function titlesOf([first]: readonly Owner[]): string {
  return first === undefined ? "" : titleOf(first);
}

function of(figures: readonly PeerFigure[], id: PeerFigure["contender"], what: Case): PeerFigure | undefined {
  return ofContender(
    figures.filter((figure) => figure.case === what),
    id,
  );
}

function listOf(title: string, rows: readonly Row[]): string | undefined {
  if (rows.length === 0) return undefined;
  const lines = rows.map((row) => {
    const { what, value, unit, budget, how } = row;
    const goal = budget === undefined ? "" : `, the goal ${unit === "x" ? budget : formatted(row, budget)}`;
    // What is over by less than the last digit would look as if it weren't.
    const digits = budget !== undefined && Number(value.toFixed(2)) === budget ? 3 : 2;
    return `- ${what}: ${unit === "x" ? `${value.toFixed(digits)} times` : formatted(row, value)}${goal} (${how})`;
  });
  return `${title}:\n\n${lines.join("\n")}`;
}

/** What a row tells of some contenders; none where there are none of them. */
function toldOf({ rows }: PublishedPart, id: string, title: string): string[] {
  const how = rows.find((row) => row.id === id)?.how ?? "";
  return how === "" ? [] : [`${title}: ${how}.`];
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
