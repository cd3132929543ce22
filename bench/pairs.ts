import { Bench } from "tinybench";

/** Times of A and B, in ms; those at one place were measured right after each other. */
export interface Pairs {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** One kind of work: what is timed, between what isn't. */
export interface Side<T> {
  before(round: number): Promise<T> | T;
  /** Right before it is timed, off the clock: lets it come to rest after what the other side did. */
  ready?(): Promise<unknown>;
  timed(subject: T): Promise<unknown> | void;
  after?(subject: T): Promise<void> | void;
}

/**
 * Measures A and B in turns, round by round, the order reversed in every other one, so that whatever else the machine
 * does falls on both. Both sides of a round are prepared before and cleared away after, off the clock.
 */
export async function measurePairs<A, B>(rounds: Iterable<number>, a: Side<A>, b: Side<B>): Promise<Pairs> {
  const times = { a: [] as number[], b: [] as number[] };
  for (const round of rounds) {
    const [subjectA, subjectB] = [await a.before(round), await b.before(round)];
    const runs = [async () => times.a.push(await time(a, subjectA)), async () => times.b.push(await time(b, subjectB))];
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) await run();
    await a.after?.(subjectA);
    await b.after?.(subjectB);
  }
  return times;
}

/** One sample: a task of its own, for a bench runs all samples of one task before the next one's. */
async function time<T>(side: Side<T>, subject: T): Promise<number> {
  await side.ready?.();
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
  bench.add("", async () => await side.timed(subject), { async: true });
  const [task] = await bench.run();
  if (task?.result.state !== "completed") throw new Error(`the bench was ${task?.result.state}`);
  return task.result.latency.mean;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** The value that 99 % of all don't exceed. */
export function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN;
}

export interface Summary {
  readonly medianA: number;
  readonly medianB: number;
  readonly minA: number;
  readonly minB: number;
  readonly ratioOfMedians: number;
  readonly medianOfRatios: number;
  readonly pairs: number;
}

export function summarise({ a, b }: Pairs): Summary {
  const [medianA, medianB] = [median(a), median(b)];
  return {
    medianA,
    medianB,
    minA: Math.min(...a),
    minB: Math.min(...b),
    ratioOfMedians: medianA / medianB,
    medianOfRatios: median(a.map((value, index) => value / (b[index] ?? Number.NaN))),
    pairs: a.length,
  };
}

export function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
