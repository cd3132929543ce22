/** The figures that the repository has of itself: one file, and what README.md shows of it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Machine } from "../machine.ts";
import type { Row } from "../report.ts";
import { chartOf } from "./chart.ts";
import { sectionOf } from "./section.ts";

/** One part's, from one run. */
export interface PublishedPart {
  /** The day, as ISO 8601 has it. */
  readonly date: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly rows: readonly Row[];
}

export type Published = Readonly<Record<string, PublishedPart>>;

const root = dirname(dirname(import.meta.dirname));
export const readmePath: string = join(root, "README.md");
export const chartPath: string = join(root, "bench/published/chart.svg");
const figuresPath = join(root, "bench/published/figures.json");
const [begin, end] = ["<!-- figures: npm run bench -- --write -->\n\n", "\n\n<!-- /figures -->"];

export function readPublished(): Published {
  return existsSync(figuresPath) ? (JSON.parse(readFileSync(figuresPath, "utf8")) as Published) : {};
}

/** Puts new figures in the place of old ones, part by part; README.md and the chart follow. */
export function publish(parts: Published): void {
  const all = { ...readPublished(), ...parts };
  const sorted = Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(figuresPath, `${JSON.stringify(sorted, rounded, 2)}\n`);
  const published = readPublished();
  writeFileSync(chartPath, chartOf(published));
  writeFileSync(readmePath, withFigures(readFileSync(readmePath, "utf8"), published));
}

/** README.md with what the figures say in its place. @throws Error if it has no such place */
export function withFigures(readme: string, published: Published): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`README.md has no '${begin.trim()}' with '${end.trim()}' behind it`);
  return readme.slice(0, from + begin.length) + sectionOf(published) + readme.slice(to);
}

/** To three digits: more is noise. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
