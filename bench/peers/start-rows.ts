import { ms, type Row } from "../report.ts";
import { comparisonRows, fastestPeer, ofContender, titleOf } from "./comparison.ts";
import { startKinds, type StartKind } from "./contender.ts";
import type { StartFigure } from "./figures.ts";

export const startNames: Record<StartKind, string> = {
  version: "says its version",
  list: "lists the networks",
};

/** How long each command takes as a whole process, then netkit's beside the fastest of others and what Node takes. */
export function startRows(figures: readonly StartFigure[]): Row[] {
  return [...figures.map(figureRow), ...startKinds.flatMap((start) => comparisons(figures, start))];
}

function figureRow(figure: StartFigure): Row {
  const { contender, start, median, min, max, samples } = figure;
  return {
    id: `peers-start-${start}-${contender}`,
    what: `command ${startNames[start]}: ${titleOf(figure)}`,
    value: median,
    unit: "ms",
    how: `${min.toFixed(2)} to ${ms(max)}, ${samples} times`,
    data: { ...figure },
  };
}

function comparisons(all: readonly StartFigure[], start: StartKind): Row[] {
  const here = all.filter((figure) => figure.start === start);
  const ours = ofContender(here, "cli");
  const common = { what: `command ${startNames[start]}`, ours, slowness: time, shown: told, data: { start } };
  const id = `peers-start-${start}`;
  return [
    ...comparisonRows({ ...common, id: `${id}-to-floor`, theirs: ofContender(here, "floor-programs") }),
    ...comparisonRows({ ...common, id: `${id}-to-fastest-peer`, theirs: fastestPeer(here, time) }),
  ];
}

function time({ median }: StartFigure): number {
  return median;
}

function told(figure: StartFigure): string {
  return ms(time(figure));
}
