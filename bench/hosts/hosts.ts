/** The rows about hosts that share networks; for a private host, in which each of them is a namespace (see bench.ts). */
import { etcdPrograms } from "@netkit/testing";
import type { Row } from "../report.ts";
import { measureJoining } from "./joining.ts";
import { measurePropagation } from "./propagation.ts";
import { Segment } from "./segment.ts";
import { measureStoreLoad } from "./store-load.ts";
import { measureTunnel } from "./tunnel.ts";

export async function measureHosts(root: string, quick: boolean): Promise<Row[]> {
  if (etcdPrograms === undefined) throw new Error("this part needs etcd: npm run setup");
  const by = <T>(few: T, many: T): T => (quick ? few : many);
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using segment = await Segment.open(root);
  const tunnel = await measureTunnel(segment, { pairs: by(10, 30), bytes: 32e6, roundTrips: 1_000 });
  const joining = await measureJoining(segment, 1_000, by(3, 5));
  const load = await measureStoreLoad(segment, { hosts: [2, by(4, 10)], networks: 10 });
  const propagation = await measurePropagation(await segment.add(10, "propagation/"), {
    endpoints: by(50, 500),
    attaches: by(40, 200),
    sampleOf: 20,
  });
  return [...propagation, ...joining, ...load, ...tunnel];
}
