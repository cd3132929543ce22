import { NetkitError } from "@netkit/core";
import { expect, test } from "vitest";
import { Again, untilDone } from "../../src/shared/again.ts";

const reason = new NetkitError("STATE_CHANGED", "others were faster");

test("work is done again until it is done, each time after what it asks for, with what it has learnt", async () => {
  const log: string[] = [];
  const result = await untilDone(async (assumed) => {
    log.push(`work ${assumed.size}`);
    assumed.set(`key ${assumed.size}`, 1);
    if (assumed.size < 3) throw new Again(reason, async () => void log.push("prepare"));
    return "done";
  });
  expect(result).toBe("done");
  expect(log).toEqual(["work 0", "prepare", "work 1", "prepare", "work 2"]);
});

test("another error ends it at once, and the reason after so many times", async () => {
  const broken = new Error("broken");
  await expect(untilDone(async () => Promise.reject(broken))).rejects.toBe(broken);
  let count = 0;
  const work = async (): Promise<never> => {
    count++;
    throw new Again(reason);
  };
  await expect(untilDone(work)).rejects.toBe(reason);
  expect(count).toBe(20);
});
