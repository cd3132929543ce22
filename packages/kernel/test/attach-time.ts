/**
 * Compares attaching one endpoint through the handler with the bare netlink requests of the same work: a veth into a
 * namespace as a port of a bridge, marked, its peer up, with an address and a default route. Run as root:
 * node packages/kernel/test/attach-time.ts
 */
import { parseCidr, parseIp, type Resource } from "@netkit/core";
import {
  createLink,
  delLinkGroup,
  getLinkIndex,
  newAddress,
  newRoute,
  openNamespace,
  openNetlink,
  setLink,
} from "@netkit/netlink";
import { mark, TestHost } from "./host.ts";

const ROUNDS = 300;

using host = new TestHost();
const { id, name } = host.sandbox();
const { kernelHandler } = await import("../src/index.ts");
const { onRequest: _, ...context } = host.context;
const handler = kernelHandler(context);
using outside = openNetlink();

await handler.apply(
  host.creates(
    { kind: "bridge", ns: "host", name: "br0" },
    { kind: "address", ns: "host", link: "br0", address: parseCidr("10.9.0.1/24") },
  ),
);
const bridge = getLinkIndex(outside, "br0");

function bare(): void {
  using target = openNamespace(`/run/netns/${name}`);
  using inside = openNetlink({ namespace: target.fd });
  const { parent: ifindex = 0 } = createLink(outside, {
    kind: "veth",
    name: "v1",
    group: 7,
    up: true,
    master: bridge,
    alias: `${mark}/endpoint/web`,
    peer: { name: "eth0", namespace: target.fd },
  });
  inside.batchOrThrow([
    setLink(ifindex, { up: true }),
    newAddress({ ifindex, address: "10.9.0.2/24" }),
    newRoute({ destination: "0.0.0.0/0", gateway: "10.9.0.1", ifindex }),
  ]);
}

const resources: Resource[] = [
  { kind: "veth", ns: "host", name: "v1", master: "br0", peer: { ns: id, name: "eth0" } },
  { kind: "address", ns: id, link: "eth0", address: parseCidr("10.9.0.2/24") },
  { kind: "route", ns: id, destination: parseCidr("0.0.0.0/0"), via: parseIp("10.9.0.1"), link: "eth0" },
];
const changes = host.creates(...resources);

const times = { bare: [] as number[], handler: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  let started = performance.now();
  bare();
  times.bare.push(performance.now() - started);
  outside.batchOrThrow([delLinkGroup(7)]);

  started = performance.now();
  await handler.apply(changes);
  times.handler.push(performance.now() - started);
  outside.batchOrThrow([setLink("v1", { group: 7 }), delLinkGroup(7)]);
}
handler.close();

for (const [what, measured] of Object.entries(times)) {
  const sorted = measured.slice(ROUNDS / 10).toSorted((one, other) => one - other);
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(3);
  process.stdout.write(`${what}: min ${at(0)}, median ${at(0.5)}, p90 ${at(0.9)} ms (${sorted.length} rounds)\n`);
}
