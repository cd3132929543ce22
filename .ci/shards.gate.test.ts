import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { divide, measured } from "./shards.ts";
import { root } from "./workspace.ts";

const files = globSync("{packages/*/{src,test},examples}/**/*.netns.test.ts", { cwd: root }).filter(
  (file) => !file.includes("node_modules"),
);

test.each([1, 2, 3])("%i shards have each file once, whatever order they were found in", (count) => {
  const parts = divide(files, count);
  expect(parts).toHaveLength(count);
  expect(parts.flat().toSorted()).toEqual(files.toSorted());
  expect(divide(files.toReversed(), count)).toEqual(parts);
});

test("shards take equally long", () => {
  const seconds = divide(files, 3).map((part) => part.reduce((sum, file) => sum + (measured[file] ?? 0), 0));
  expect(Math.max(...seconds) - Math.min(...seconds)).toBeLessThan(Math.max(...seconds) / 10);
});

test.each(Object.keys(measured))("%s, whose time is known, is there", (file) => {
  expect(existsSync(join(root, file))).toBe(true);
});
