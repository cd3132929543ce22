/**
 * Measures what attaching one endpoint takes: a veth into a namespace as a port of a bridge, its peer up, with an
 * address and a default route; both sockets and the namespace's descriptor are opened each time. Run as root:
 * node packages/netlink/test/attach-floor.ts
 */
import {
  createLink,
  delLinkGroup,
  newAddress,
  newRoute,
  openNamespace,
  openNetlink,
  setLink,
  updateLink,
} from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

const ROUNDS = 200;

using host = makeNamespace();
using sandbox = makeNamespace();
using cleaner = host.open();
const bridge = createLink(cleaner, { kind: "bridge", name: "br0", up: true }).ifindex;
updateLink(cleaner, "br0", { mac: "02:00:00:00:00:01" });

const times: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const started = performance.now();
  {
    using target = openNamespace(sandbox.path);
    using outside = openNetlink({ namespace: host.path });
    using inside = openNetlink({ namespace: target.fd });
    const { parent: ifindex = 0 } = createLink(outside, {
      kind: "veth",
      name: `v${round}`,
      group: 7,
      up: true,
      master: bridge,
      peer: { name: "eth0", namespace: target.fd, mac: "02:00:00:00:00:02" },
    });
    inside.batchOrThrow([
      setLink(ifindex, { up: true }),
      newAddress({ ifindex, address: "10.9.0.2/16", noDad: true }),
      newRoute({ destination: "0.0.0.0/0", gateway: "10.9.0.1", ifindex }),
    ]);
  }
  times.push(performance.now() - started);
  cleaner.batchOrThrow([delLinkGroup(7)]);
}
times.sort((one, other) => one - other);
const at = (part: number): string => (times[Math.floor((times.length - 1) * part)] ?? 0).toFixed(2);
process.stdout.write(`attach, ms: min ${at(0)}, median ${at(0.5)}, p90 ${at(0.9)} (${ROUNDS} rounds)\n`);
