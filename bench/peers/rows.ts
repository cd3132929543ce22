import { ms, type Row } from "../report.ts";
import {
  cases,
  pathKinds,
  verbs,
  type Case,
  type Figures,
  type PathFigure,
  type PathKind,
  type PeerFigure,
  type Verb,
} from "./figures.ts";
import type { ContenderId } from "./registry.ts";

/** What a case is called. */
export const caseNames: Record<Case, string> = {
  "0": "no ports",
  "1": "1 port",
  "10": "10 ports",
  crowd: "32 at once, a port each",
};

/** netkit's own and what does the same job: the fastest of theirs counts. */
const likes: readonly { readonly ours: ContenderId; readonly theirs: readonly ContenderId[] }[] = [
  { ours: "cni-plugin", theirs: ["cni-nftables", "cni-iptables"] },
  { ours: "podman-backend", theirs: ["netavark-nftables", "netavark-iptables"] },
];

/** At most so many times what the fastest peer takes; the others are only told. */
const goals: Partial<Record<`${Verb}-${Case}`, number>> = {
  "attach-0": 0.2,
  "attach-10": 0.1,
  "detach-0": 0.333,
  "detach-1": 0.333,
  "detach-10": 0.333,
};

/** Every contender's figures, then how netkit's compare, and what is missing. */
export function rowsOf(figures: Figures): Row[] {
  const list = figures.list();
  const missing = figures.missing();
  return [
    ...list.map(figureRow),
    ...figures.paths().map(pathRow),
    ...pathKinds.flatMap((path) => pathComparisons(figures.paths(), path)),
    ...verbs.flatMap((verb) => cases.flatMap((what) => comparisons(list, verb, what))),
    {
      id: "peers-missing",
      what: "peers: not on this machine",
      value: missing.length,
      unit: "",
      how: missing.map(({ name, why }) => `${name}: ${why}`).join("; "),
      data: { missing },
    },
  ];
}

function figureRow(figure: PeerFigure): Row {
  const { contender, verb, case: what, median, min, max, samples } = figure;
  return {
    id: `peers-${verb}-${what}-${contender}`,
    what: `${verb}, ${caseNames[what]}: ${titleOf(figure)}`,
    value: median,
    unit: "ms",
    how: `${min.toFixed(2)} to ${ms(max)}, ${samples} times`,
    data: { ...figure },
  };
}

/** What is measured of each way that packets go. */
export const pathNames: Record<PathKind, string> = {
  stream: "container to container, TCP, Gbit/s",
  "round-trip": "container to container, UDP and back, µs",
  published: "host to a published port, TCP, Gbit/s",
};

function pathRow(figure: PathFigure): Row {
  const { contender, path, median, min, max, samples } = figure;
  return {
    id: `peers-path-${path}-${contender}`,
    what: `${pathNames[path]}: ${titleOf(figure)}`,
    value: median,
    unit: path === "round-trip" ? "µs" : "Gbit/s",
    how: `${min.toFixed(1)} to ${max.toFixed(1)}, ${samples} times`,
    data: { ...figure },
  };
}

/** How much longer netkit's packets take than the fastest peer's. */
function pathComparisons(all: readonly PathFigure[], path: PathKind): Row[] {
  const here = all.filter((figure) => figure.path === path);
  const slowness = ({ median }: PathFigure): number => (path === "round-trip" ? median : 1 / median);
  const ours = here.find(({ contender }) => contender === "library");
  const [theirs] = here.filter(({ kind }) => kind === "peer").toSorted((a, b) => slowness(a) - slowness(b));
  if (ours === undefined || theirs === undefined) return [];
  return [
    {
      id: `peers-path-${path}-to-fastest-peer`,
      what: `time of ${pathNames[path]}: netkit, to ${titleOf(theirs)}`,
      value: slowness(ours) / slowness(theirs),
      unit: "x",
      // Beyond that it is no noise.
      budget: 1.05,
      how: `${ours.median.toFixed(1)} to ${theirs.median.toFixed(1)}`,
      data: { ours: ours.contender, theirs: theirs.contender, path },
    },
  ];
}

/** With its version, but for what is made here. */
export function titleOf({ kind, name, version }: Pick<PeerFigure, "kind" | "name" | "version">): string {
  return kind === "netkit" || version === "" ? name : `${name} (${version})`;
}

/** netkit beside the fastest of others, by the medians. */
function comparisons(list: readonly PeerFigure[], verb: Verb, what: Case): Row[] {
  const here = list.filter((figure) => figure.verb === verb && figure.case === what);
  const of = (id: ContenderId): PeerFigure | undefined => here.find(({ contender }) => contender === id);
  const compare = (id: string, ours?: PeerFigure, theirs?: PeerFigure, budget?: number): Row[] =>
    ours === undefined || theirs === undefined
      ? []
      : [
          {
            id: `peers-${verb}-${what}-${id}`,
            what: `${verb}, ${caseNames[what]}: ${ours.name}, to ${titleOf(theirs)}`,
            value: ours.median / theirs.median,
            unit: "x",
            ...(budget === undefined ? {} : { budget }),
            how: `${ms(ours.median)} to ${ms(theirs.median)}`,
            data: { ours: ours.contender, theirs: theirs.contender, verb, case: what },
          },
        ];
  const library = of("library");
  const toFloor = verb === "attach" && what !== "crowd" ? 1.5 : undefined;
  const toDocker = verb === "attach" ? 0.2 : undefined;
  return [
    ...compare("to-floor", library, of("floor"), toFloor),
    ...compare(
      "to-fastest-peer",
      library,
      fastest(here.filter(({ kind }) => kind === "peer")),
      goals[`${verb}-${what}`],
    ),
    ...(what === "crowd" ? compare("to-docker", library, of("docker"), toDocker) : []),
    ...likes.flatMap(({ ours, theirs }) =>
      compare(`${ours}-to-theirs`, of(ours), fastest(theirs.flatMap((id) => of(id) ?? []))),
    ),
  ];
}

function fastest(some: readonly PeerFigure[]): PeerFigure | undefined {
  return some.toSorted((a, b) => a.median - b.median)[0];
}
