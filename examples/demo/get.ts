/** Fetches a URL and prints the answer; with `--wait MS` it asks again until there is one. `node get.ts [--wait MS] URL` */
import { setTimeout as delay } from "node:timers/promises";

const words = process.argv.slice(2);
const waitMs = words[0] === "--wait" ? Number(words[1]) : 0;
const url = words.at(-1) ?? "";
const deadline = performance.now() + waitMs;

for (;;) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    process.stdout.write(await response.text());
    break;
  } catch (error) {
    if (performance.now() > deadline) throw error;
    await delay(20);
  }
}
