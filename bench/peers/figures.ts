import { median } from "../pairs.ts";
import type { Found, Program, StartKind } from "./contender.ts";
import { startKinds } from "./contender.ts";
import type { Turn } from "./contender.program.ts";
import { contenders, type ContenderId, type ContenderKind } from "./registry.ts";

export type Verb = "attach" | "detach";
/** What is attached: one box with so many ports, or with a range of them, or many with one port each at the same time. */
export type Case = (typeof cases)[number];
export const cases = ["0", "1", "10", "range", "crowd"] as const;
export const verbs = ["attach", "detach"] as const;

/** What packets do: between two boxes, with br_netfilter and without, and from the host through a published port of one; there also the first ones, beside few and many ports. */
export type PathKind = (typeof pathKinds)[number];
export type ConnectionKind = (typeof connectionKinds)[number];
const connectionKinds = ["connections", "connections-many"] as const;
export const pathKinds = ["stream", "round-trip", "round-trip-bridged", "published", ...connectionKinds] as const;

/** So many ports of others are published for the last kind, but by whoever takes too long. */
export const manyPorts = 10_000;

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
}

/** Whose a figure is, as the figures of the repository have it. */
export interface Owner {
  readonly contender: ContenderId;
  readonly kind: ContenderKind;
  readonly name: string;
  readonly version: string;
}

/** What one contender took for one case, in ms. */
export interface PeerFigure extends Owner, Spread {
  readonly verb: Verb;
  readonly case: Case;
}

/** How it carries packets: Gbit/s, µs for a round trip, connections a second. */
export interface PathFigure extends Owner, Spread {
  readonly path: PathKind;
  /** How many ports were published beside the one, for the kind that has many. */
  readonly ports?: number;
}

/** What boxes took that were attached one after the other and stay, in ms: the first ten, and the last ten. */
export interface GrowthFigure extends Owner {
  readonly boxes: number;
  readonly first: number;
  readonly last: number;
}

/** What a whole process took, in ms; it is the program's name and version. */
export interface StartFigure extends Owner, Spread {
  readonly start: StartKind;
}

/** How many boxes are looked at on either end of those that were attached one after the other. */
const ends = 10;

/** Collects turns. */
export class Figures {
  readonly #found = new Map<ContenderId, Found>();
  readonly #samples = new Map<string, number[]>();
  readonly #programs = new Map<ContenderId, Program>();
  readonly #ports = new Map<ContenderId, number>();
  readonly #leftOut = new Map<ContenderId, string>();
  readonly #unreached = new Map<ContenderId, string>();

  found(id: ContenderId, found: Found): void {
    this.#found.set(id, found);
  }

  note(id: ContenderId, what: Case, turn: Turn): void {
    for (const verb of verbs) this.#add(`${id} ${verb} ${what}`, turn[verb]);
  }

  notePath(id: ContenderId, measured: Partial<Record<PathKind, number>>): void {
    for (const kind of pathKinds) if (measured[kind] !== undefined) this.#add(`${id} path ${kind}`, measured[kind]);
  }

  /** How many ports it has published beside the one. */
  notePorts(id: ContenderId, count: number): void {
    this.#ports.set(id, count);
  }

  noteStart(id: ContenderId, program: Program, took: Partial<Record<StartKind, number>>): void {
    this.#programs.set(id, program);
    for (const kind of startKinds) if (took[kind] !== undefined) this.#add(`${id} start ${kind}`, took[kind]);
  }

  /** In the order of the boxes. */
  noteRow(id: ContenderId, took: readonly number[]): void {
    for (const value of took) this.#add(`${id} row`, value);
  }

  /** It has no range, for it would take too long. */
  leaveOut(id: ContenderId, why: string): void {
    this.#leftOut.set(id, why);
  }

  /** Its published port doesn't answer any more, amidst those of others. */
  unreached(id: ContenderId, why: string): void {
    this.#unreached.set(id, why);
  }

  /** Peers that this machine hasn't, and why. */
  missing(): { readonly name: string; readonly why: string }[] {
    return contenders.flatMap(({ id, name }) => {
      const found = this.#found.get(id);
      return found !== undefined && "missing" in found ? [{ name, why: found.missing }] : [];
    });
  }

  leftOut(): { readonly name: string; readonly why: string }[] {
    return named(this.#leftOut);
  }

  notReached(): { readonly name: string; readonly why: string }[] {
    return named(this.#unreached);
  }

  list(): PeerFigure[] {
    return this.#present().flatMap((owner) =>
      verbs.flatMap((verb) =>
        cases.flatMap((what): PeerFigure[] =>
          this.#spread(`${owner.contender} ${verb} ${what}`).map((spread) => ({
            ...owner,
            verb,
            case: what,
            ...spread,
          })),
        ),
      ),
    );
  }

  paths(): PathFigure[] {
    return this.#present().flatMap((owner) =>
      pathKinds.flatMap((path): PathFigure[] => {
        const ports = path === "connections-many" ? this.#ports.get(owner.contender) : undefined;
        return this.#spread(`${owner.contender} path ${path}`).map((spread) => ({
          ...owner,
          path,
          ...spread,
          ...(ports === undefined ? {} : { ports }),
        }));
      }),
    );
  }

  growths(): GrowthFigure[] {
    return this.#present().flatMap((owner): GrowthFigure[] => {
      const took = this.#samples.get(`${owner.contender} row`) ?? [];
      if (took.length < 2 * ends) return [];
      const [first, last] = [median(took.slice(0, ends)), median(took.slice(-ends))];
      return [{ ...owner, boxes: took.length, first, last }];
    });
  }

  starts(): StartFigure[] {
    return this.#present().flatMap((owner) => {
      const program = this.#programs.get(owner.contender);
      if (program === undefined) return [];
      const { name, version } = program;
      return startKinds.flatMap((start): StartFigure[] =>
        this.#spread(`${owner.contender} start ${start}`).map((spread) => ({
          ...owner,
          name,
          version,
          start,
          ...spread,
        })),
      );
    });
  }

  #add(key: string, value: number): void {
    const samples = this.#samples.get(key);
    if (samples === undefined) this.#samples.set(key, [value]);
    else samples.push(value);
  }

  /** None where nothing has been measured. */
  #spread(key: string): Spread[] {
    const samples = this.#samples.get(key);
    if (samples === undefined) return [];
    return [{ median: median(samples), min: Math.min(...samples), max: Math.max(...samples), samples: samples.length }];
  }

  #present(): Owner[] {
    return contenders.flatMap(({ id, kind, name }) => {
      const found = this.#found.get(id);
      return found === undefined || "missing" in found ? [] : [{ contender: id, kind, name, version: found.version }];
    });
  }
}

function named(whys: ReadonlyMap<ContenderId, string>): { readonly name: string; readonly why: string }[] {
  return contenders.flatMap(({ id, name }) => {
    const why = whys.get(id);
    return why === undefined ? [] : [{ name, why }];
  });
}
