/** What a soak is asked for; alone, as `npm run soak` runs it before anything is set up, it ends where that can't be read. */
import { readCommandLine, refuse } from "../../src/command-line.ts";
import { shorterOf } from "./drawn.ts";

const name = "soak";
const usage = `usage: npm run soak -- [--minutes N] [--seed N [--repeat | --path P]]

Random operations by four processes on a host of their own, checked by a model; packages/testing/README.md says more.

  --minutes N   for so long, and to the end of the scenario then; 30 unless told, and parts of one will do
  --seed N      begins with this scenario, an integer from 0 on, and goes on with the next ones; random unless told
  --repeat      plays the scenario of the seed alone, again and again
  --path P      plays, again and again, a shorter one of the seed's, as a failure names it`;

/** fast-check's seeds are integers of 32 bits. */
const seeds = 2 ** 31;

const { values, positionals } = readCommandLine({
  name,
  usage,
  options: {
    minutes: { type: "string", default: "30" },
    seed: { type: "string" },
    repeat: { type: "boolean", default: false },
    path: { type: "string" },
  },
});
const [unexpected] = positionals;
if (unexpected !== undefined) refuse(name, `it takes no argument, and got '${unexpected}'`);
const lone = values.seed !== undefined ? undefined : values.repeat ? "--repeat" : values.path && "--path";
if (lone !== undefined) refuse(name, `${lone} is of the scenario of a seed, and needs --seed N`);

export const minutes: number = number(values.minutes);
if (!(minutes > 0)) refuse(name, `--minutes ${values.minutes} isn't a number above 0`);

export const seed: number = values.seed === undefined ? Math.trunc(Math.random() * seeds) : number(values.seed);
if (!Number.isInteger(seed) || seed < 0 || seed >= seeds)
  refuse(name, `--seed ${values.seed} isn't an integer from 0 to ${seeds - 1}`);

export const { repeat, path } = values;
if (path !== undefined && !/^\d+(:\d+)*$/.test(path))
  refuse(name, `--path ${path} isn't a path, which is numbers with ':' between them`);
if (path !== undefined && shorterOf(seed, path) === undefined)
  refuse(name, `the scenario of --seed ${seed} has no --path ${path}`);

/** Of digits alone: what else JavaScript takes for a number (`1e3`, `0x7`, nothing) is a slip here. */
function number(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}
