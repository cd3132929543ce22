/** The figures that the repository has of itself: one file, and what README.md shows of it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Machine } from "../machine.ts";
import type { Row } from "../report.ts";
import { chartOf } from "./chart.ts";
import { faultsSectionOf } from "./faults-section.ts";
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
/** The places of README.md, and what each shows. */
const places = [
  ["<!-- figures: npm run bench -- --write -->\n\n", sectionOf, "\n\n<!-- /figures -->"],
  ["<!-- faults: npm run bench -- faults --write -->\n\n", faultsSectionOf, "\n\n<!-- /faults -->"],
] as const;

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

/** README.md with what the figures say in their places. @throws Error if it lacks one */
export function withFigures(readme: string, published: Published): string {
  return places.reduce((text, [begin, section, end]) => {
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from === -1 || to < from) throw new Error(`README.md has no '${begin.trim()}' with '${end.trim()}' behind it`);
    return text.slice(0, from + begin.length) + section(published) + text.slice(to);
  }, readme);
}

/** To three digits: more is noise. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
