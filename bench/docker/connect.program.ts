/** Connects two live containers to a network each, in turns, by Docker's API, and prints what it took. */
import { request } from "node:http";
import { measurePairs, numbers, summarise, type Side } from "../pairs.ts";

const warmUps = 5;
const [socketPath = "", ports = "", pairs = ""] = process.argv.slice(2);

const sides = [connecting("ours"), connecting("theirs")] as const;
await measurePairs(numbers(0, warmUps), ...sides);
process.stdout.write(JSON.stringify(summarise(await measurePairs(numbers(0, Number(pairs)), ...sides))));

function connecting(network: string): Side<undefined> {
  const body = JSON.stringify({ Container: `${network}-${ports}` });
  return {
    before: () => undefined,
    timed: async () => await post(`/networks/${network}/connect`, body),
    after: async () => await post(`/networks/${network}/disconnect`, body),
  };
}

async function post(path: string, body: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "content-type": "application/json" };
  const asking = request({ socketPath, method: "POST", path, headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.on("error", reject).on("end", () => {
      if (response.statusCode === 200) resolve();
      else reject(new Error(`Docker answers ${response.statusCode} to ${path}: ${text}`));
    });
  });
  asking.on("error", reject).end(body);
  await promise;
}
