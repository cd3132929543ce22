import { writeFileSync } from "node:fs";
import {
  createLink,
  createNamespace,
  delLink,
  delLinkGroup,
  newAddress,
  newLink,
  newRoute,
  openNamespace,
  openNetlink,
  removeNamespace,
  setLink,
  withNamespace,
  type NamespaceHandle,
  type NetlinkSocket,
} from "@netkit/netlink";
import { firstPort, portsEach } from "./endpoint.ts";
import { Nftables } from "./libnftables.ts";

const group = 7;
/** Where netkit keeps single ports of all addresses, and ranges (packages/netfilter/src/nftables/base.ts). */
const [floorMap, floorRanges] = ["inet netkit any4", "inet netkit span4"];

/** A sandbox whose namespace, socket and address are known before the clock starts. */
export interface FloorSandbox {
  readonly number: number;
  /** How many ports of the host it gets. */
  readonly ports: number;
  /** All as one, for the same ports of its own. */
  readonly range: boolean;
  /** No port of the bridge: the host has a route to it. */
  readonly routed: boolean;
  readonly path: string;
  readonly namespace: NamespaceHandle;
  readonly socket: NetlinkSocket;
}

/**
 * What attaching an endpoint takes of the kernel, and nothing else: one batch of netlink requests on the host, one in
 * the sandbox, one nft transaction. Nothing is looked up or read back (the ifindexes are chosen), nothing is stored,
 * nothing is marked, nothing can be undone. Its host is a namespace of its own, with a copy of netkit's table.
 */
export class Floor {
  readonly #outside: NetlinkSocket;
  readonly #nft: Nftables;
  readonly #bridge: number;
  readonly #open = new Set<FloorSandbox>();

  /** @param table netkit's own, as nft lists it: how many sets there are is part of what a transaction costs. */
  constructor(table: string) {
    const host = "/run/netns/floor-host";
    createNamespace(host);
    this.#outside = openNetlink({ namespace: host });
    this.#bridge = createLink(this.#outside, { kind: "bridge", name: "br0", mac: "02:00:00:00:00:01" }).ifindex;
    withNamespace(host, () => writeFileSync("/proc/sys/net/ipv6/conf/br0/disable_ipv6", "1"));
    this.#outside.batchOrThrow([
      setLink(this.#bridge, { up: true }),
      newAddress({ ifindex: this.#bridge, address: "10.9.0.1/16" }),
    ]);
    this.#nft = new Nftables(host);
    this.#nft.run(table);
  }

  open(number: number, ports: number = portsEach, { range = false, routed = false } = {}): FloorSandbox {
    const path = `/run/netns/floor-${number}`;
    createNamespace(path);
    // As netkit has it, but before the clock starts: no IPv6 where the network has none.
    withNamespace(path, () => writeFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"));
    const [namespace, socket] = [openNamespace(path), openNetlink({ namespace: path })];
    const sandbox = { number, ports, range, routed, path, namespace, socket };
    this.#open.add(sandbox);
    return sandbox;
  }

  attach(sandbox: FloorSandbox): void {
    const { number, ports, routed, namespace, socket } = sandbox;
    const [outer, inner] = [1000 + number, 2];
    const { address, mac } = floorAddresses(number);
    this.#outside.batchOrThrow([
      newLink({
        kind: "veth",
        name: `v${number}`,
        ifindex: outer,
        group,
        ...(routed ? { arp: false, mac } : { master: this.#bridge }),
        peer: { name: "eth0", ifindex: inner, namespace: namespace.fd, mac, ...(routed ? { arp: false } : {}) },
      }),
      setLink(outer, { up: true, ...(routed ? {} : { bridgePort: { hairpin: true } }) }),
      ...(routed ? [newRoute({ destination: `${address}/32`, ifindex: outer })] : []),
    ]);
    socket.batchOrThrow([
      setLink(inner, { up: true }),
      newAddress({ ifindex: inner, address: `${address}/16` }),
      newRoute({ destination: "0.0.0.0/0", gateway: "10.9.0.1", ifindex: inner }),
    ]);
    if (ports > 0) this.#nft.run(floorPorts("create", sandbox));
  }

  async detach(sandbox: FloorSandbox): Promise<void> {
    if (sandbox.ports > 0) this.#nft.run(floorPorts("delete", sandbox));
    await this.#outside.batchAsync([delLink(1000 + sandbox.number)]);
  }

  /** Takes everything away that is attached. */
  async clear(): Promise<void> {
    for (const map of [floorMap, floorRanges]) this.#nft.run(`flush map ${map}`);
    await this.#outside.batchAsync([delLinkGroup(group)]);
    for (const sandbox of this.#open) this.close(sandbox);
  }

  close(sandbox: FloorSandbox): void {
    const { path, namespace, socket } = sandbox;
    this.#open.delete(sandbox);
    socket.close();
    namespace.close();
    removeNamespace(path);
  }
}

/** The nft command that publishes a sandbox's ports, or takes them away. */
export function floorPorts(
  verb: "create" | "delete",
  { number, ports, range }: Pick<FloorSandbox, "number" | "ports" | "range">,
): string {
  const first = firstPort(number);
  const target = verb === "create" ? ` comment "br0" : ${floorAddresses(number).address}` : "";
  if (range) return `${verb} element ${floorRanges} { 0.0.0.0/0 . tcp . ${first}-${first + ports - 1}${target} }`;
  const elements = Array.from({ length: ports }, (_, index) => {
    const port = target === "" ? "" : ` . ${8000 + index}`;
    return `tcp . ${first + index}${target}${port}`;
  });
  return `${verb} element ${floorMap} { ${elements.join(", ")} }`;
}

/** What a sandbox has in 10.9.0.0/16. */
export function floorAddresses(number: number): { readonly address: string; readonly mac: string } {
  const [high, low] = [number >> 8, number & 255];
  return { address: `10.9.${high}.${low}`, mac: `02:6e:0a:09:${hex(high)}:${hex(low)}` };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
