import * as fc from "fast-check";
import { scenario, type Round } from "./operations.ts";
import { Place } from "./place.ts";
import { Crew, type Tally } from "./scenario.ts";

/** What a process holds at the end of a scenario, when nothing is there any more. */
export interface Sample {
  readonly agent: { readonly residentBytes: number; readonly descriptors: number };
  readonly library: { readonly heapBytes: number; readonly descriptors: number };
}

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
  readonly onScenario?: (soaked: Omit<Soaked, "failure">) => void;
}

/** A scenario that failed is made shorter for so long. */
const shrinkingMs = 120_000;

/** Plays random scenarios for so long; for a private host. */
export async function soak({ seed, ms, onScenario }: SoakOptions): Promise<Soaked> {
  await using place = await Place.open();
  await using crew = await Crew.start(place);
  const samples: Sample[] = [];
  let scenarios = 0;
  const play = async (rounds: readonly Round[]): Promise<void> => {
    await crew.play(rounds);
    scenarios++;
    const library = await (crew.workers[0] ?? raise()).caller.call("held");
    samples.push({ agent: place.agentHolds(), library });
    onScenario?.({ scenarios, tally: crew.tally, samples });
  };
  const end = performance.now() + ms;
  for (; performance.now() < end;) {
    const failures: string[] = [];
    const scenarioSeed = seed + scenarios;
    let until = Infinity;
    const property = fc.asyncProperty(scenario, async (rounds) => {
      // What is shorter is as good as what there was: no time to find out.
      if (performance.now() > until) return;
      try {
        await play(rounds);
      } catch (error) {
        until = Math.min(until, performance.now() + shrinkingMs);
        failures.push(
          `${error instanceof Error ? (error.stack ?? "") : String(error)}\nafter:\n${crew.log.join("\n")}`,
        );
        throw error;
      }
    });
    const details = await fc.check(property, { seed: scenarioSeed, numRuns: 1, unbiased: true });
    if (details.failed)
      return {
        scenarios,
        tally: crew.tally,
        samples,
        failure: `seed ${scenarioSeed}: ${failures.at(0)}\n\nAt the shortest: ${failures.at(-1)}\n${fc.defaultReportMessage(details)}`,
      };
  }
  return { scenarios, tally: crew.tally, samples, failure: undefined };
}

const mebibyte = 1024 * 1024;

/** In words what has grown that must not: nothing is there at the end of a scenario, after the last as after the first. */
export function growth(samples: readonly Sample[]): string[] {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return [];
  const grown = (what: string, of: (sample: Sample) => number, least: number): string[] => {
    // The first quarter has what is made once: code that is compiled, connections that stay.
    const [before, after] = [
      median(samples.slice(quarter, 2 * quarter).map(of)),
      median(samples.slice(-quarter).map(of)),
    ];
    return after <= before + least ? [] : [`${what} went from ${before} to ${after}`];
  };
  const [{ agent, library } = raise()] = samples.slice(-1);
  return [
    ...grown("the agent's descriptors", (sample) => sample.agent.descriptors, 1),
    ...grown("the library's descriptors", (sample) => sample.library.descriptors, 1),
    ...grown("the agent's memory", (sample) => sample.agent.residentBytes, 16 * mebibyte),
    ...grown("the library's heap", (sample) => sample.library.heapBytes, 3 * mebibyte),
    ...(agent.residentBytes < 150 * mebibyte ? [] : [`the agent has ${agent.residentBytes} bytes`]),
    ...(library.heapBytes < 50 * mebibyte ? [] : [`the library's heap has ${library.heapBytes} bytes`]),
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function raise(): never {
  throw new Error("there is no worker");
}
