import { median } from "../pairs.ts";
import type { Found } from "./contender.ts";
import type { Turn } from "./contender.program.ts";
import { contenders, type ContenderId, type ContenderKind } from "./registry.ts";

export type Verb = "attach" | "detach";
/** What is attached: one box with so many ports, or many with one port each at the same time. */
export type Case = (typeof cases)[number];
export const cases = ["0", "1", "10", "crowd"] as const;
export const verbs = ["attach", "detach"] as const;

/** What packets do: between two boxes, and from the host through a published port of one. */
export type PathKind = (typeof pathKinds)[number];
export const pathKinds = ["stream", "round-trip", "published"] as const;

/** What one contender took for one case, in ms; as the figures of the repository have it. */
export interface PeerFigure {
  readonly contender: ContenderId;
  readonly kind: ContenderKind;
  readonly name: string;
  readonly version: string;
  readonly verb: Verb;
  readonly case: Case;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
}

/** How it carries packets: Gbit/s, and µs for a round trip. */
export interface PathFigure extends Omit<PeerFigure, "verb" | "case"> {
  readonly path: PathKind;
}

/** Collects turns. */
export class Figures {
  readonly #found = new Map<ContenderId, Found>();
  readonly #samples = new Map<string, number[]>();

  found(id: ContenderId, found: Found): void {
    this.#found.set(id, found);
  }

  note(id: ContenderId, what: Case, turn: Turn): void {
    for (const verb of verbs) {
      const key = `${id} ${verb} ${what}`;
      this.#samples.set(key, [...(this.#samples.get(key) ?? []), turn[verb]]);
    }
  }

  notePath(id: ContenderId, measured: Record<PathKind, number>): void {
    for (const kind of pathKinds) {
      const key = `${id} path ${kind}`;
      this.#samples.set(key, [...(this.#samples.get(key) ?? []), measured[kind]]);
    }
  }

  /** Peers that this machine hasn't, and why. */
  missing(): { readonly name: string; readonly why: string }[] {
    return contenders.flatMap(({ id, name }) => {
      const found = this.#found.get(id);
      return found !== undefined && "missing" in found ? [{ name, why: found.missing }] : [];
    });
  }

  list(): PeerFigure[] {
    return this.#present().flatMap((contender) =>
      verbs.flatMap((verb) =>
        cases.map((what): PeerFigure => {
          const samples = this.#samples.get(`${contender.contender} ${verb} ${what}`) ?? [];
          return { ...contender, verb, case: what, ...spread(samples) };
        }),
      ),
    );
  }

  paths(): PathFigure[] {
    return this.#present().flatMap((contender) =>
      pathKinds.flatMap((path): PathFigure[] => {
        const samples = this.#samples.get(`${contender.contender} path ${path}`);
        return samples === undefined ? [] : [{ ...contender, path, ...spread(samples) }];
      }),
    );
  }

  #present(): Pick<PeerFigure, "contender" | "kind" | "name" | "version">[] {
    return contenders.flatMap(({ id, kind, name }) => {
      const found = this.#found.get(id);
      return found === undefined || "missing" in found ? [] : [{ contender: id, kind, name, version: found.version }];
    });
  }
}

function spread(samples: readonly number[]): Pick<PeerFigure, "median" | "min" | "max" | "samples"> {
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples), samples: samples.length };
}
