// Random operations by four processes, on a private host: see .ci/soak.mjs.
import { interrupted } from "../../src/index.ts";
import { growth } from "./growth.ts";
import type { Held } from "./held.ts";
import { minutes, path, repeat, seed } from "./options.ts";
import { soak } from "./soak.ts";

const start = performance.now();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const signal = interrupted();
signal.addEventListener("abort", () => say(`${(signal.reason as Error).message}: it ends with this scenario`));

say(`seed ${seed}`);
const { failure, scenarios, tally, samples } = await soak({
  seed,
  ms: minutes * 60_000,
  repeat,
  path,
  signal,
  onScenario: ({ scenarios, tally, samples }) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    const { agent, library } = samples.at(-1) ?? {};
    const holds = [`agent ${heldBy(agent)}`, `library ${heldBy(library)}`].join(", ");
    say(`${seconds} s: ${scenarios} scenarios, ${tally.operations} operations; ${holds}`);
  },
});
const problems = [...(failure === undefined ? [] : [failure]), ...growth(samples)];
for (const problem of problems) say(problem);
say(
  `${scenarios} scenarios of ${tally.rounds} rounds: ${tally.operations} operations, of which ${tally.refused} refused as they had ` +
    `to be and ${tally.deaths} killed, ${tally.questions} questions of who reaches whom; ` +
    (problems.length === 0 ? "all as expected" : "not as expected"),
);
process.exitCode = problems.length > 0 ? 1 : signal.aborted ? 130 : 0;

function heldBy(held: Held | undefined): string {
  const [heap, resident] = [held?.heapBytes, held?.residentBytes].map((bytes = 0) => (bytes / 1e6).toFixed(2));
  return `${heap} MB heap, ${resident} MB resident, ${held?.descriptors} files`;
}
