// Power cuts and sudden deaths: whatever was acknowledged is there, and nothing in part.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { directory } from "./directory.ts";
import { cutPower, examine, program, recordWriter, type Recording } from "./power/power-cut.ts";
import { randoms, upTo } from "./power/random.ts";
import type { Way } from "./power/writer.program.ts";

/** `NETKIT_POWER_CUTS=1000 NETKIT_POWER_SEED=7` has more of both, and others. */
const rounds = Number(process.env["NETKIT_POWER_CUTS"] ?? 60);
/** Starting a process takes longer than a cut. */
const deaths = Number(process.env["NETKIT_POWER_CUTS"] ?? 10);
const firstSeed = Number(process.env["NETKIT_POWER_SEED"] ?? 1);
declare module "vitest" {
  interface TaskMeta {
    /** What a test has come to: how often it was cut or killed, and after how many of these something was lost. */
    power?: { readonly rounds: number; readonly lost: number };
  }
}

/** Of one recording: so many transactions take the log past its first checkpoint. */
const cutsEach = 200;
const transactions = 300;
const timeout = 60_000 + rounds * 5_000;
/** Some machines let nobody trace. */
const untraced = spawnSync("strace", ["-o", "/dev/null", "true"]).status !== 0;

function recorded(seed: number, way?: Way): Recording {
  return recordWriter(directory(), seed, transactions, way);
}

let first: Recording | undefined;
const recordedFirst = (): Recording => (first ??= recorded(firstSeed));

test.skipIf(untraced)(
  "after a power cut the file opens, with all that was acknowledged and nothing in part",
  { timeout },
  async ({ task }) => {
    let done = 0;
    for (let seed = firstSeed; done < rounds; seed++) {
      const recording = seed === firstSeed ? recordedFirst() : recorded(seed);
      const { cuts, failures, pendingBytes } = await cutPower(directory(), recording, {
        cuts: Math.min(cutsEach, rounds - done),
      });
      done += cuts;
      task.meta.power = { rounds: done, lost: failures.length };
      expect(failures).toEqual([]);
      // Otherwise there was nothing to lose.
      expect(pendingBytes).toBeGreaterThan(1_000);
    }
    expect(done).toBe(rounds);
  },
);

test.skipIf(untraced).for([
  ["acknowledges before it has flushed (synchronous=NORMAL)", "early"],
  ["never flushes", "off"],
] as const)("a store that %s is found out", { timeout }, async ([, way]) => {
  const { failures } = await cutPower(directory(), recorded(firstSeed, way), { cuts: 20 });
  expect(failures.join("\n")).toContain("acknowledged");
});

test.skipIf(untraced).for([
  ["the file itself", "state.db", "damaged"],
  ["the log", "state.db-wal", "acknowledged"],
] as const)("a disk that says to have flushed %s and hasn't is found out", { timeout }, async ([, name, complaint]) => {
  const { failures } = await cutPower(directory(), recordedFirst(), {
    cuts: 20,
    liar: (event) => (event.kind === "sync" || event.kind === "synced") && event.path.endsWith(`/${name}`),
  });
  expect(failures.join("\n")).toContain(complaint);
});

test(
  "after kill -9 at any time the file opens, with all that was acknowledged and nothing in part",
  { timeout },
  async ({ task }) => {
    const random = randoms(firstSeed);
    let [path, acknowledged, total] = ["", 0, 0];
    for (let death = 0; death < deaths; death++) {
      // Every tenth file is new: its making is cut off, too.
      if (death % 10 === 0) [path, acknowledged] = [join(directory(), "state.db"), 0];
      const before = acknowledged;
      acknowledged = Math.max(acknowledged, await killWriter(path, random));
      total += acknowledged - before;
      const wrong = await examine(path, firstSeed, acknowledged);
      task.meta.power = { rounds: death + 1, lost: wrong === undefined ? 0 : 1 };
      expect(wrong, `seed ${firstSeed}, death ${death}`).toBeUndefined();
    }
    expect(total).toBeGreaterThan(deaths);
  },
);

/** Has a writer go on with a file, and kills it after some of what it says. @returns the last transaction that it acknowledged */
async function killWriter(path: string, random: () => number): Promise<number> {
  const [lines, ms] = [1 + upTo(20, random), upTo(3, random)];
  const writer = spawn(process.execPath, [program, path, String(firstSeed), "100000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of writer.stdout) {
    const before = said;
    said += String(chunk);
    const isEnough = (text: string): boolean => text.split("\n").length > lines;
    if (isEnough(said) && !isEnough(before)) setTimeout(() => writer.kill("SIGKILL"), ms);
  }
  if (writer.signalCode === null && writer.exitCode === null) await once(writer, "exit");
  expect(writer.signalCode).toBe("SIGKILL");
  return Number(/(\d+)\n[^\n]*$/.exec(said)?.[1] ?? 0);
}
