/** The rows about hosts that share networks; for a private host, in which each of them is a namespace (see bench.ts). */
import type { Row } from "../report.ts";
import { measureJoining } from "./joining.ts";
import { measurePropagation } from "./propagation.ts";
import { Segment } from "./segment.ts";

export async function measureHosts(root: string, quick: boolean): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using segment = await Segment.open(root);
  const joining = await measureJoining(segment, 1000, quick ? 3 : 7);
  return joining;
}
