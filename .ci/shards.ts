import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { readJson, root } from "./workspace.ts";

/** How long a file of the kernel tier took, in s; those that aren't there are short. */
export const measured: Readonly<Record<string, number>> = readJson(`${root}/.ci/kernel-seconds.json`);

const shortSeconds = 3;

function secondsOf(file: string): number {
  return measured[file] ?? shortSeconds;
}

/** Divides files into parts that take equally long: the longest first, each to the part that has least by then. */
export function divide(files: readonly string[], count: number): string[][] {
  // By name where they take as long: all shards have to come to the same.
  const sorted = files.toSorted((a, b) => secondsOf(b) - secondsOf(a) || (a < b ? -1 : 1));
  const parts = Array.from({ length: count }, () => ({ files: [] as string[], seconds: 0 }));
  for (const file of sorted) {
    const [least] = parts.toSorted((a, b) => a.seconds - b.seconds);
    least?.files.push(file);
    if (least !== undefined) least.seconds += secondsOf(file);
  }
  return parts.map((part) => part.files);
}

/** Vitest's own way for `--shard` takes as many files for each, however long they take. */
export class BalancedShards extends BaseSequencer {
  override async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { index, count } = this.ctx.config.shard ?? { index: 1, count: 1 };
    const byName = new Map(files.map((file) => [relative(root, file.moduleId), file]));
    return (divide([...byName.keys()], count)[index - 1] ?? []).flatMap((name) => byName.get(name) ?? []);
  }
}
