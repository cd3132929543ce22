import { ms, type Row } from "../report.ts";
import { comparisonRows, fastestPeer, ofContender, titleOf } from "./comparison.ts";
import type { GrowthFigure } from "./figures.ts";

/** No steeper than the floor's; beyond that it is no noise. */
const budget = 1.1;

/** How attaching one box after the other grows, then netkit's beside others'. */
export function growthRows(figures: readonly GrowthFigure[]): Row[] {
  const ours = ofContender(figures, "library");
  const shown = (figure: GrowthFigure): string => `${growthOf(figure).toFixed(2)} times`;
  const growth = {
    what: "growth of attaching one after the other",
    ours,
    slowness: growthOf,
    shown,
    data: { line: "growth" },
  };
  return [
    ...figures.map(figureRow),
    ...comparisonRows({ ...growth, id: "peers-growth-to-floor", theirs: ofContender(figures, "floor"), budget }),
    ...comparisonRows({
      id: "peers-line-to-fastest-peer",
      what: "attach, the last ten of those one after the other",
      ours,
      theirs: fastestPeer(figures, lastOf),
      slowness: lastOf,
      shown: ({ last }) => ms(last),
      data: { line: "last" },
    }),
  ];
}

/** How many times as long the last ones take as the first ones. */
export function growthOf({ first, last }: GrowthFigure): number {
  return last / first;
}

function lastOf({ last }: GrowthFigure): number {
  return last;
}

function figureRow(figure: GrowthFigure): Row {
  const { contender, boxes, first, last } = figure;
  return {
    id: `peers-growth-${contender}`,
    what: `attach, ${boxes} one after the other, from the first to the last: ${titleOf(figure)}`,
    value: growthOf(figure),
    unit: "x",
    how: `${first.toFixed(2)} to ${ms(last)}`,
    data: { ...figure },
  };
}
