import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { chartOf } from "../bench/published/chart.ts";
import { chartPath, readmePath, readPublished, withFigures } from "../bench/published/published.ts";

const again = "make them again: npm run bench -- --tables";

test("README.md's figures are those of bench/published/figures.json", () => {
  const readme = readFileSync(readmePath, "utf8");
  expect(withFigures(readme, readPublished()), again).toBe(readme);
});

test("the chart is, too", () => {
  expect(chartOf(readPublished()), again).toBe(readFileSync(chartPath, "utf8"));
});

test("another figure is another table, and another chart", () => {
  const readme = readFileSync(readmePath, "utf8");
  const published = readPublished();
  const { peers } = published;
  if (peers === undefined) throw new Error("no peers have been measured");
  const rows = peers.rows.map((row) =>
    "contender" in row.data && "median" in row.data ? { ...row, data: { ...row.data, median: 12_345 } } : row,
  );
  const other = { ...published, peers: { ...peers, rows } };
  expect(withFigures(readme, other)).not.toBe(readme);
  expect(chartOf(other)).not.toBe(chartOf(published));
});
