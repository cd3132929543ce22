/** Connects two live containers to a network each, in turns, by Docker's API, and prints what it took. */
import { measurePairs, numbers, summarise, type Side } from "../pairs.ts";
import { post } from "./post.ts";

const warmUps = 5;
const [socketPath = "", ports = "", pairs = ""] = process.argv.slice(2);

const sides = [connecting("ours"), connecting("theirs")] as const;
await measurePairs(numbers(0, warmUps), ...sides);
process.stdout.write(JSON.stringify(summarise(await measurePairs(numbers(0, Number(pairs)), ...sides))));

function connecting(network: string): Side<undefined> {
  const body = JSON.stringify({ Container: `${network}-${ports}` });
  return {
    before: () => undefined,
    timed: async () => await post(socketPath, `/networks/${network}/connect`, body),
    after: async () => await post(socketPath, `/networks/${network}/disconnect`, body),
  };
}
