import { formatted, type Row } from "../report.ts";
import { comparisonRows, fastestPeer, ofContender, titleOf } from "./comparison.ts";
import type { ContenderId } from "./registry.ts";
import { manyPorts, pathKinds, type PathFigure, type PathKind } from "./figures.ts";

/** What is measured of each way that packets go. */
export const pathNames: Record<PathKind, string> = {
  stream: "container to container, TCP",
  "round-trip": "container to container, UDP and back",
  "round-trip-bridged": "container to container, UDP and back, without br_netfilter",
  published: "host to a published port, TCP",
  connections: "host to a published port, new connections",
  "connections-many": "host to a published port, new connections with 10,000 others published",
};

export const pathUnits: Record<PathKind, Row["unit"]> = {
  stream: "Gbit/s",
  "round-trip": "µs",
  "round-trip-bridged": "µs",
  published: "Gbit/s",
  connections: "/s",
  "connections-many": "/s",
};

/** At most so many times as slow as the fastest peer: beyond that it is no noise. Where rules count it is to be faster. */
const budgets: Record<PathKind, number> = {
  stream: 1.05,
  "round-trip": 1.05,
  "round-trip-bridged": 1.05,
  published: 1.05,
  connections: 1.05,
  "connections-many": 1,
};

/** How each carries packets, then how much longer netkit's take than the fastest peer's. */
export function pathRows(figures: readonly PathFigure[]): Row[] {
  return [...figures.map(figureRow), ...pathKinds.flatMap((path) => comparisons(figures, path))];
}

/** A figure, and the ports that it was measured with where they are fewer than the others'. */
export function shownPath(figure: PathFigure, digits: (value: number) => string): string {
  const { median } = figure;
  const fewer = fewerPorts(figure);
  return `${digits(median)}${fewer === undefined ? "" : ` with ${fewer.toLocaleString("en")}`}`;
}

function fewerPorts({ path, ports = manyPorts }: PathFigure): number | undefined {
  return path === "connections-many" && ports < manyPorts ? ports : undefined;
}

function figureRow(figure: PathFigure): Row {
  const { contender, path, median, min, max, samples } = figure;
  const fewer = fewerPorts(figure);
  const told = fewer === undefined ? "" : `, with only ${fewer.toLocaleString("en")} others`;
  return {
    id: `peers-path-${path}-${contender}`,
    what: `${pathNames[path]}: ${titleOf(figure)}`,
    value: median,
    unit: pathUnits[path],
    how: `${min.toFixed(1)} to ${max.toFixed(1)}, ${samples} times${told}`,
    data: { ...figure },
  };
}

function comparisons(all: readonly PathFigure[], path: PathKind): Row[] {
  // Whoever hasn't published all of them isn't held up by them.
  const here = all.filter((figure) => figure.path === path && (figure.ports ?? manyPorts) >= manyPorts);
  const slowness = ({ median }: PathFigure): number => (pathUnits[path] === "µs" ? median : 1 / median);
  const compare = (ours: ContenderId, id: string, budget?: number): Row[] =>
    comparisonRows({
      id: `peers-path-${path}-${id}`,
      what: `${pathNames[path]}, time taken`,
      ours: ofContender(here, ours),
      theirs: fastestPeer(here, slowness),
      slowness,
      shown: ({ median }) => formatted({ unit: pathUnits[path] }, median),
      budget,
      data: { path },
    });
  return [
    ...compare("library", "to-fastest-peer", budgets[path]),
    ...compare("unguarded", "unguarded-to-fastest-peer"),
  ];
}
