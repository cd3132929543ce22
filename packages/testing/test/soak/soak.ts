import * as fc from "fast-check";
import type { Sample } from "./growth.ts";
import { drawn, shorterOf } from "./drawn.ts";
import { scenario, type Round } from "./operations.ts";
import { Place } from "./place.ts";
import { Crew, type Tally } from "./scenario.ts";

export interface Soaked {
  readonly scenarios: number;
  readonly tally: Tally;
  /** One for each scenario that ended well. */
  readonly samples: readonly Sample[];
  /** What went wrong, with the seed and the shortest scenario that was found. */
  readonly failure: string | undefined;
}

export interface SoakOptions {
  readonly seed: number;
  readonly ms: number;
  /** At least so many, however long they take. */
  readonly operations?: number;
  /** Plays the scenario of this seed alone, again and again, for what processes do at the same time is never twice the same. */
  readonly repeat?: boolean;
  /** So one that is shorter, as fast-check calls it: it has to be there. */
  readonly path?: string | undefined;
  /** Ends with the scenario that is played. */
  readonly signal?: AbortSignal;
  readonly onScenario?: (soaked: Omit<Soaked, "failure">) => void;
}

/** A scenario that failed is made shorter for so long. */
const shrinkingMs = 120_000;

/** Plays random scenarios for so long; for a private host. */
export async function soak({
  seed,
  ms,
  operations = 0,
  repeat = false,
  path,
  signal = new AbortController().signal,
  onScenario,
}: SoakOptions): Promise<Soaked> {
  const shorter = path === undefined ? undefined : shorterOf(seed, path);
  await using place = await Place.open();
  await using crew = await Crew.start(place);
  const samples: Sample[] = [];
  let scenarios = 0;
  const play = async (rounds: readonly Round[]): Promise<void> => {
    await crew.play(rounds);
    scenarios++;
    const library = await (crew.workers[0] ?? raise()).caller.call("held");
    samples.push({ operations: crew.tally.operations, agent: await place.agentHolds(), library });
    onScenario?.({ scenarios, tally: crew.tally, samples });
  };
  const end = performance.now() + ms;
  while (!signal.aborted && (performance.now() < end || crew.tally.operations < operations)) {
    const failures: string[] = [];
    const scenarioSeed = repeat || shorter !== undefined ? seed : seed + scenarios;
    let until = Infinity;
    const property = fc.asyncProperty(shorter ?? scenario, async (rounds) => {
      // What is shorter is as good as what there was: no time to find out.
      if (performance.now() > until || signal.aborted) return;
      try {
        await play(rounds);
      } catch (error) {
        // A terminal has interrupted what was called as well.
        if (signal.aborted) return;
        until = Math.min(until, performance.now() + shrinkingMs);
        failures.push(
          `${error instanceof Error ? (error.stack ?? "") : String(error)}\nafter:\n${crew.log.join("\n")}`,
        );
        throw error;
      }
    });
    const details = await fc.check(property, { ...drawn, seed: scenarioSeed });
    if (details.failed)
      return {
        scenarios,
        tally: crew.tally,
        samples,
        failure: [
          `seed ${scenarioSeed}: ${failures.at(0)}`,
          `at the shortest: ${failures.at(-1)}`,
          fc.defaultReportMessage(details),
          `the whole again and again: npm run soak -- --seed ${scenarioSeed} --repeat`,
          `the shortest: npm run soak -- --seed ${scenarioSeed} --path ${path ?? details.counterexamplePath}`,
        ].join("\n\n"),
      };
  }
  return { scenarios, tally: crew.tally, samples, failure: undefined };
}

function raise(): never {
  throw new Error("there is no worker");
}
