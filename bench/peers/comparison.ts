import type { Row } from "../report.ts";
import type { Owner } from "./figures.ts";
import type { ContenderId } from "./registry.ts";

/** With its version, but for what is made here. */
export function titleOf({ kind, name, version }: Pick<Owner, "kind" | "name" | "version">): string {
  return kind === "netkit" || version === "" ? name : `${name} (${version})`;
}

export function ofContender<F extends Owner>(figures: readonly F[], id: ContenderId): F | undefined {
  return figures.find(({ contender }) => contender === id);
}

/** The fastest of other systems. @param slowness what there is less of in a faster one */
export function fastestPeer<F extends Owner>(figures: readonly F[], slowness: (figure: F) => number): F | undefined {
  return fastest(
    figures.filter(({ kind }) => kind === "peer"),
    slowness,
  );
}

export function fastest<F>(figures: readonly F[], slowness: (figure: F) => number): F | undefined {
  return figures.toSorted((a, b) => slowness(a) - slowness(b))[0];
}

interface Comparison<F> {
  readonly id: string;
  /** What is compared, before the two names. */
  readonly what: string;
  readonly ours: F | undefined;
  readonly theirs: F | undefined;
  readonly slowness: (figure: F) => number;
  readonly shown: (figure: F) => string;
  /** At most so many times as slow. */
  readonly budget?: number | undefined;
  readonly data: Row["data"];
}

/** How many times as slow as the other one is; nothing where either is missing. */
export function comparisonRows<F extends Owner>(comparison: Comparison<F>): Row[] {
  const { id, what, ours, theirs, slowness, shown, budget, data } = comparison;
  if (ours === undefined || theirs === undefined) return [];
  return [
    {
      id,
      what: `${what}: ${ours.name}, to ${titleOf(theirs)}`,
      value: slowness(ours) / slowness(theirs),
      unit: "x",
      ...(budget === undefined ? {} : { budget }),
      how: `${shown(ours)} to ${shown(theirs)}`,
      data: { ours: ours.contender, theirs: theirs.contender, ...data },
    },
  ];
}
