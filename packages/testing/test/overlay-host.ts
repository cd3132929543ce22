// A host of an overlay network without an engine: what the driver lists is applied by the handlers themselves.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import {
  instanceOf,
  ipOf,
  keyOf,
  parseCidr,
  parseIp,
  parseOptions,
  parsePortSpec,
  rankOf,
  sameData,
  type Change,
  type Cidr,
  type EndpointId,
  type EndpointView,
  type Family,
  type HandlerContext,
  type HostView,
  type Ip,
  type NamespaceId,
  type NetworkId,
  type NetworkView,
  type OptionInput,
  type Owner,
  type PeerView,
  type Resource,
  type ResourceHandler,
} from "@netkit/core";
import type { BridgedEndpointOptions } from "@netkit/core/bridged";
import { overlay, type OverlayOptions } from "@netkit/driver-overlay";
import { macOfAddress } from "@netkit/ipam";
import { execute, groupRuns, kernelHandler } from "@netkit/kernel";
import { firewallHandler } from "@netkit/netfilter";
import { compareSnapshots, spaceOf, takeSnapshot, type Host, type Snapshot, type Space } from "../src/index.ts";
import type { Setting } from "./outside-host.ts";

/** What the overlay has to work with. */
export interface OverlaySetting extends Setting {
  /** The family of the underlay. */
  readonly underlay: Family;
  readonly options?: OptionInput;
}

const driver = overlay();
const subnets = [
  { subnet: parseCidr("10.0.1.0/24"), gateway: parseIp("10.0.1.1"), auxiliary: {} },
  { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} },
];
const networkId = randomBytes(32).toString("hex") as NetworkId;

function gatewayOf(index: number): { readonly gateway?: Ip } {
  const gateway = subnets[index]?.gateway;
  return gateway === undefined ? {} : { gateway };
}

/** The addresses of that number in each subnet. */
function addressesAt(number: number): [Cidr, Cidr] {
  return [parseCidr(`10.0.1.${number}/24`), parseCidr(`fd00:5::${number}/64`)];
}

/** The MTU of the wire between the hosts. */
export const wireMtu = 1500;

export function vtepAt(family: Family, number: number): string {
  return family === "ipv4" ? `192.0.2.${number}` : `2001:db8:1::${number}`;
}

/** Packets that came to a host over the wire: of tunnels, as large as the wire takes, in pieces, with ARP or ND, of other VNIs. */
export type Count = "tunnels" | "full" | "fragments" | "asked" | "strange";

/** A sandbox of one host. */
export interface OverlayBox {
  readonly space: Space;
  /** IPv4, then IPv6. */
  readonly addresses: readonly string[];
  /** As other hosts see it. */
  readonly peers: readonly PeerView[];
}

export class OverlayHost {
  readonly host: Host;
  readonly view: NetworkView<OverlayOptions> & { readonly host: HostView };
  readonly #handlers: readonly ResourceHandler[];
  readonly #applied: Change[] = [];
  readonly #paths: Map<string, string>;
  #before: Snapshot | undefined;

  get #owner(): Owner {
    return { type: "network", id: this.view.id, name: this.view.name };
  }

  constructor(host: Host, number: number, { underlay, options = {}, firewall }: OverlaySetting) {
    const addresses = addressesAt(number);
    const part: HostView = {
      vtep: parseIp(vtepAt(underlay, number)),
      mtu: wireMtu,
      addresses,
      mac: macOfAddress(ipOf(addresses[0]), networkId),
    };
    this.host = host;
    this.view = {
      instance: instanceOf("/var/lib/netkit"),
      id: networkId,
      name: "shared",
      internal: false,
      subnets,
      options: parseOptions(driver.options, options, "driver 'overlay'"),
      facts: { links: {} },
      claims: { vni: "4096" },
      host: part,
    };
    const paths = new Map<string, string>();
    this.#paths = paths;
    const context: HandlerContext = {
      mark: this.view.instance.mark,
      namespacePath: (id) => paths.get(id) ?? "",
    };
    using _ = host.enter();
    this.#handlers = [kernelHandler(context), firewallHandler(context, { backend: firewall })];
  }

  /** This host itself, as the others see it. */
  get peers(): PeerView[] {
    const { addresses, mac, vtep } = this.view.host;
    return addresses.map((address) => ({ address, mac, vtep }));
  }

  async make(resources: readonly Resource[]): Promise<void> {
    const ordered = resources.toSorted((a, b) => rankOf(a.kind) - rankOf(b.kind));
    const changes = ordered.map((resource): Change => ({
      op: "create",
      key: keyOf(resource),
      resource,
      owner: this.#owner,
    }));
    using _ = this.host.enter();
    await execute(changes, this.#handlers);
    this.#applied.push(...changes);
    for (const handler of this.#handlers) {
      const known = resources.filter(({ kind }) => handler.kinds.has(kind));
      const readings = await handler.read(known);
      assert.deepEqual(
        readings,
        known.map(() => ({ state: "same" })),
      );
    }
  }

  async network(): Promise<void> {
    this.#before ??= await this.#snapshot();
    await this.make(driver.network(this.view));
  }

  /** A sandbox with the addresses of that number; the ports are published on this host. */
  async sandbox(number: number, ...ports: string[]): Promise<OverlayBox> {
    const namespace = randomBytes(32).toString("hex") as NamespaceId;
    const name = `${this.host.name}-${namespace.slice(0, 8)}`;
    const path = `/run/netns/${name}`;
    this.#paths.set(namespace, path);
    const addresses = addressesAt(number);
    const mac = macOfAddress(ipOf(addresses[0]), namespace);
    const endpoint: EndpointView<OverlayOptions, BridgedEndpointOptions> = {
      network: this.view,
      id: namespace as string as EndpointId,
      name,
      namespace,
      ifName: "eth0",
      mac,
      addresses: addresses.map((address, index) => ({ address, ...gatewayOf(index) })),
      ports: ports.map((text) => {
        const { hostPort, ...port } = parsePortSpec(text);
        if (hostPort === undefined) throw new TypeError(`${text} has no host port`);
        return { hostPort, ...port };
      }),
      defaultRoute: ["ipv4", "ipv6"],
      options: parseOptions(driver.endpointOptions, {}, "an endpoint"),
    };
    await this.make([{ kind: "netns", ns: namespace, name }]);
    await this.make(driver.endpoint(endpoint));
    return {
      space: spaceOf(path),
      addresses: addresses.map(ipOf),
      peers: addresses.map((address) => ({ address, mac, vtep: this.view.host.vtep })),
    };
  }

  async join(peers: readonly PeerView[]): Promise<void> {
    await this.make(this.#peersOf(peers));
  }

  async part(peers: readonly PeerView[]): Promise<void> {
    const gone = new Set(this.#peersOf(peers).map(keyOf));
    const changes = this.#applied.filter(({ key }) => gone.has(key));
    this.#applied.splice(0, this.#applied.length, ...this.#applied.filter(({ key }) => !gone.has(key)));
    await this.#remove(changes.toReversed());
  }

  #peersOf(peers: readonly PeerView[]): readonly Resource[] {
    return driver.peers?.(this.view, peers) ?? [];
  }

  /** The same peers, some of them elsewhere: what changed of the kernel's objects is replaced. */
  async move(before: readonly PeerView[], after: readonly PeerView[]): Promise<void> {
    const previous = new Map(this.#peersOf(before).map((resource) => [keyOf(resource), resource]));
    const changes: Change[] = this.#peersOf(after).flatMap((resource): Change[] => {
      const old = previous.get(keyOf(resource));
      if (old === undefined) throw new Error(`${keyOf(resource)} is new`);
      if (sameData(old, resource)) return [];
      return [{ op: "replace", key: keyOf(resource), resource, previous: old, owner: this.#owner }];
    });
    using _ = this.host.enter();
    await execute(changes, this.#handlers);
    for (const { key, resource } of changes) {
      const at = this.#applied.findIndex((change) => change.key === key);
      this.#applied[at] = { op: "create", key, resource, owner: this.#owner };
    }
  }

  /** Packets over the wire so far. */
  async count(what: Count): Promise<number> {
    const text = await this.host.exec(["nft", "-j", "list", "counter", "inet", "watch", what]);
    const { nftables } = JSON.parse(text) as { nftables: { counter?: { packets: number } }[] };
    return nftables.find(({ counter }) => counter !== undefined)?.counter?.packets ?? Number.NaN;
  }

  /** Removes all that was made, newest first, and looks for leaks. */
  async clear(): Promise<void> {
    await this.#remove(this.#applied.splice(0).toReversed());
    if (this.#before === undefined) return;
    assert.deepEqual(compareSnapshots(this.#before, await this.#snapshot()), []);
  }

  /** Makes and removes the network once: the built-in chains of iptables stay once they are used. */
  async warmUp(): Promise<void> {
    await this.make(driver.network(this.view));
    await this.clear();
  }

  /** Removes all, and makes it again with the commands that it is written as: the kernel must hold the same. */
  async replay(): Promise<void> {
    const changes = [...this.#applied];
    const spaces = {
      host: this.host,
      ...Object.fromEntries([...this.#paths].map(([id, path]) => [id, spaceOf(path)])),
    };
    const made = await takeSnapshot(spaces, { portable: true });
    await this.clear();
    const script = groupRuns(changes, this.#handlers).flatMap((run) => run.handler.toShell(run.changes));
    // As they are pasted: that a chain of iptables is there already is no end of it.
    await this.host.exec(["sh"], { input: `${script.join("\n")}\ntrue\n` });
    this.#applied.push(...changes);
    assert.deepEqual(compareSnapshots(made, await takeSnapshot(spaces, { portable: true })), []);
  }

  async #remove(changes: readonly Change[]): Promise<void> {
    using _ = this.host.enter();
    await execute(
      changes.map(({ key, resource, owner }): Change => ({ op: "remove", key, resource, owner })),
      this.#handlers,
    );
  }

  async #snapshot(): Promise<Snapshot> {
    return await takeSnapshot({ host: this.host }, { names: [`${this.host.name}-`] });
  }

  /** What a failed test has left of sandboxes goes, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const handler of this.#handlers) handler.close();
    for (const path of this.#paths.values())
      if (existsSync(path)) await this.host.exec(["ip", "netns", "del", basename(path)]);
  }
}
