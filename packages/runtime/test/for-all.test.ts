import { expect, test } from "vitest";
import { forAll } from "../src/for-all.ts";

test("what fails keeps none of the others, and is told at the end", async () => {
  const done: number[] = [];
  const work = async (one: number): Promise<void> => {
    if (one % 2 === 0) throw new Error(`not ${one}`);
    done.push(one);
  };
  await expect(forAll([1, 2, 3, 4, 5], work)).rejects.toThrow("not 2");
  expect(done).toEqual([1, 3, 5]);
  await forAll([], work);
});
