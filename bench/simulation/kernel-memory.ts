import { readFileSync } from "node:fs";
import { createLink, newFdbEntry, newNeighbour, openNetlink, setLink } from "@netkit/netlink";
import { macOfAddress } from "@netkit/ipam";
import { parseIp } from "@netkit/core";
import { numbers } from "../pairs.ts";

/** What remote endpoints take of the kernel of a host. */
export interface KernelMemory {
  readonly endpoints: number;
  /** Bytes for each: a neighbour, an entry in the bridge's forwarding table and one in the VXLAN device's. */
  readonly bytes: number;
  /** To have it program all of them, in ms. */
  readonly ms: number;
}

const perBatch = 1_000;

/** In the thread's namespace, which is left with what it made. */
export function measureKernelMemory(endpoints: number): KernelMemory {
  using netlink = openNetlink();
  const bridge = createLink(netlink, { kind: "bridge", name: "sim-br" }).ifindex;
  const vxlan = createLink(netlink, {
    kind: "vxlan",
    name: "sim-vx",
    vni: 77,
    learning: false,
    master: bridge,
  }).ifindex;
  netlink.batchOrThrow([setLink(bridge, { up: true }), setLink(vxlan, { up: true })]);
  const before = slabBytes();
  const started = performance.now();
  for (let first = 0; first < endpoints; first += perBatch) {
    netlink.batchOrThrow(
      numbers(first, perBatch).flatMap((number) => {
        const address = `10.${64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
        const mac = macOfAddress(parseIp(address), "");
        return [
          newNeighbour({ ifindex: bridge, address, mac }),
          newFdbEntry({ ifindex: vxlan, mac, table: "self", state: "permanent", destination: "192.0.2.7" }),
          newFdbEntry({ ifindex: vxlan, mac, table: "master", state: "static" }),
        ];
      }),
    );
  }
  const ms = performance.now() - started;
  return { endpoints, bytes: (slabBytes() - before) / endpoints, ms };
}

/** What the kernel has in its slabs (proc_meminfo(5)). */
function slabBytes(): number {
  return Number(/^Slab:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024;
}
