import { ms, type Row } from "../report.ts";
import { comparisonRows, fastest, fastestPeer, ofContender, titleOf } from "./comparison.ts";
import { cases, verbs, type Case, type Figures, type PeerFigure, type Verb } from "./figures.ts";
import { growthRows } from "./growth-rows.ts";
import { pathRows } from "./path-rows.ts";
import type { ContenderId } from "./registry.ts";
import { startRows } from "./start-rows.ts";

/** What a case is called. */
export const caseNames: Record<Case, string> = {
  "0": "no ports",
  "1": "1 port",
  "10": "10 ports",
  range: "a range of 1,000 ports",
  crowd: "32 at once, a port each",
};

/** netkit's own and what does the same job: the fastest of theirs counts. */
const likes: readonly { readonly ours: ContenderId; readonly theirs: readonly ContenderId[] }[] = [
  { ours: "cli", theirs: ["docker-cli"] },
  { ours: "cni-plugin", theirs: ["cni-nftables", "cni-iptables"] },
  { ours: "podman-backend", theirs: ["netavark-nftables", "netavark-iptables"] },
];

/** At most so many times what it is compared with takes; the others are only told. */
const toFloor = 1.5;
const toDocker = 0.2;
const attachToPeer: Partial<Record<Case, number>> = { "0": 0.2, "10": 0.1 };
const detachToPeer = 0.333;

/** Every contender's figures, then how netkit's compare, and what is missing. */
export function rowsOf(figures: Figures): Row[] {
  const list = figures.list();
  return [
    ...list.map(figureRow),
    ...growthRows(figures.growths()),
    ...pathRows(figures.paths()),
    ...startRows(figures.starts()),
    ...verbs.flatMap((verb) => cases.flatMap((what) => comparisons(list, verb, what))),
    ...toldRows("peers-missing", "peers: not on this machine", figures.missing()),
    ...toldRows("peers-left-out", "peers: without a range, which takes them too long", figures.leftOut()),
    ...toldRows("peers-unreached", "peers: whose port doesn't answer once others are published", figures.notReached()),
  ];
}

function figureRow(figure: PeerFigure): Row {
  const { contender, verb, case: what, median, min, max, samples } = figure;
  return {
    id: `peers-${verb}-${what}-${contender}`,
    what: `${verb}, ${caseNames[what]}: ${titleOf(figure)}`,
    value: median,
    unit: "ms",
    how: samples === 1 ? "once" : `${min.toFixed(2)} to ${ms(max)}, ${samples} times`,
    data: { ...figure },
  };
}

/** None where there is nobody of whom it is so. */
function toldRows(id: string, what: string, list: readonly { readonly name: string; readonly why: string }[]): Row[] {
  if (list.length === 0) return [];
  const how = list.map(({ name, why }) => `${name}: ${why}`).join("; ");
  return [{ id, what, value: list.length, unit: "", how, data: { list } }];
}

/** netkit beside the floor and the fastest of others, by the medians. */
function comparisons(list: readonly PeerFigure[], verb: Verb, what: Case): Row[] {
  const here = list.filter((figure) => figure.verb === verb && figure.case === what);
  const compare = (to: string, ours: ContenderId, theirs?: PeerFigure, budget?: number): Row[] =>
    comparisonRows({
      id: `peers-${verb}-${what}-${to}`,
      what: `${verb}, ${caseNames[what]}`,
      ours: ofContender(here, ours),
      theirs,
      slowness: time,
      shown: ({ median }) => ms(median),
      budget,
      data: { verb, case: what },
    });
  const isAttach = verb === "attach";
  const docker = what === "crowd" ? ofContender(here, "docker") : undefined;
  return [
    ...compare("to-floor", "library", ofContender(here, "floor"), isAttach ? toFloor : undefined),
    ...compare("to-fastest-peer", "library", fastestPeer(here, time), isAttach ? attachToPeer[what] : detachToPeer),
    ...compare("to-docker", "library", docker, isAttach ? toDocker : undefined),
    ...likes.flatMap(({ ours, theirs }) => {
      const same = theirs.flatMap((id) => ofContender(here, id) ?? []);
      return compare(`${ours}-to-theirs`, ours, fastest(same, time));
    }),
  ];
}

function time({ median }: PeerFigure): number {
  return median;
}
