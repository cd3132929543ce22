/** The rows about hosts that share networks; for a private host, in which each of them is a namespace (see bench.ts). */
import type { Row } from "../report.ts";
import { measurePropagation } from "./propagation.ts";
import { openSegment } from "./segment.ts";

export async function measureHosts(root: string, quick: boolean): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using segment = await openSegment(root);
  await segment.add(10);
  return await measurePropagation(segment, { endpoints: quick ? 100 : 500, attaches: quick ? 40 : 200, sampleOf: 20 });
}
