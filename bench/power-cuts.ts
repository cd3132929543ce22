/** The rows about the state file's power cuts, which are a test of the store's. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Row } from "./report.ts";

/** What vitest's reporter `json` has of a test. */
interface Tested {
  readonly title: string;
  readonly status: string;
  readonly meta: { readonly power?: { readonly rounds: number; readonly lost: number } };
}

/** What has become of the state file. */
export interface PowerFigure {
  readonly power: "cuts" | "deaths";
  readonly rounds: number;
  readonly lost: number;
}

/** @param rounds so many of both. @throws Error where a test failed that finds out what is wrong on purpose */
export function powerCuts(rounds: number): Row[] {
  const tests = runTests(rounds);
  const found = tests.flatMap(({ title, meta: { power } }) =>
    power === undefined ? [] : [rowOf(title, { power: title.includes("kill") ? "deaths" : "cuts", ...power })],
  );
  const broken = tests.find(({ status, meta }) => status === "failed" && (meta.power?.lost ?? 0) === 0);
  if (broken !== undefined) throw new Error(`this test failed: ${broken.title}`);
  if (tests.length === 0) throw new Error("there are no tests of power cuts");
  return found;
}

function runTests(rounds: number): Tested[] {
  const folder = mkdtempSync(join(tmpdir(), "netkit-power-"));
  try {
    const report = join(folder, "report.json");
    const words = ["run", "--project", "unit", "packages/store-sqlite/test/power.test.ts", "--reporter=json"];
    spawnSync("node_modules/.bin/vitest", [...words, `--outputFile.json=${report}`], {
      env: { ...process.env, NETKIT_POWER_CUTS: String(rounds) },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
      testResults: { assertionResults: Tested[] }[];
    };
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function rowOf(what: string, figure: PowerFigure): Row {
  const { rounds, lost } = figure;
  return {
    id: `faults-power-${figure.power}`,
    what: `faults: the state file: ${what}`,
    value: lost,
    unit: "",
    budget: 0,
    how: `${rounds.toLocaleString("en")} of these, something lost after ${lost}`,
    data: { ...figure },
  };
}
