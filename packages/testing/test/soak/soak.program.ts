// Random operations by four processes, on a private host: see .ci/soak.mjs.
import { parseArgs } from "node:util";
import { growth, soak } from "./soak.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Math.trunc(Math.random() * 0x7fff_ffff));
const start = performance.now();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

say(`seed ${seed}`);
const { failure, scenarios, tally, samples } = await soak({
  seed,
  ms: Number(values.minutes) * 60_000,
  onScenario: ({ scenarios, tally, samples }) => {
    const { agent, library } = samples.at(-1) ?? {};
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    const held = [agent?.residentBytes, library?.heapBytes].map((bytes = 0) => (bytes / 1e6).toFixed(1));
    say(
      `${seconds} s: ${scenarios} scenarios, ${tally.operations} operations, agent ${held[0]} MB and ` +
        `${agent?.descriptors} files, library ${held[1]} MB and ${library?.descriptors} files`,
    );
  },
});
const problems = [...(failure === undefined ? [] : [failure]), ...growth(samples)];
for (const problem of problems) say(problem);
say(
  `${scenarios} scenarios of ${tally.rounds} rounds: ${tally.operations} operations, of which ${tally.refused} refused as they had ` +
    `to be and ${tally.deaths} killed, ${tally.questions} questions of who reaches whom; ` +
    (problems.length === 0 ? "all as expected" : "not as expected"),
);
process.exitCode = problems.length === 0 ? 0 : 1;
