// The driver for the conformance suite: each network follows an etcd of its own, which is a store in memory that flannel's
// configuration is in, by a link that every host has.
import {
  digest32,
  familyOf,
  parseCidr,
  parseIp,
  storeWith,
  type Driver,
  type LinkFacts,
  type NetworkView,
  type Store,
  type World,
} from "@netkit/core";
import type { BridgedEndpointOptions } from "@netkit/core/bridged";
import { openSqliteStore } from "@netkit/store-sqlite";
import type { FlannelPlace } from "../src/place.ts";
import { flannel, type FlannelOptions } from "../src/index.ts";

type View = Pick<NetworkView<FlannelOptions>, "name" | "options" | "facts">;

const underlay: LinkFacts = {
  name: "lo",
  kind: "",
  mtu: 1500,
  addresses: [parseCidr("192.0.2.1/24"), parseCidr("2001:db8::1/64")],
};

/** A world whose networks are all of both families, or of IPv4 alone. */
function worldOf(ipv6: boolean): World {
  /** The stores of networks by their prefix, for as long as the process lives. */
  const stores = new Map<string, Promise<Store>>();
  const makeStore = async (prefix: string): Promise<Store> => {
    const store = openSqliteStore({ path: ":memory:" });
    await store.commit({ checks: [], writes: [{ key: "config", value: configOf(numberOf(prefix), ipv6) }] });
    return store;
  };
  return {
    async openStore(_, prefix) {
      let store = stores.get(prefix);
      if (store === undefined) stores.set(prefix, (store = makeStore(prefix)));
      return storeWith(await store, { close: async () => {} });
    },
  };
}

/** Networks of different names have nothing in common. */
function numberOf(name: string): number {
  return (digest32(name) % 250) + 1;
}

function configOf(number: number, ipv6: boolean): unknown {
  return {
    Network: `10.${number}.0.0/16`,
    ...(ipv6 ? { EnableIPv6: true, IPv6Network: `fd00:${number}::/48` } : {}),
    Backend: { Type: "vxlan", VNI: number, DirectRouting: true },
  };
}

/** With what the options that conformance doesn't know would say. */
function complete<V extends View>(view: V): V {
  const { name } = view;
  const options = {
    ...view.options,
    store: "etcd://192.0.2.9",
    prefix: `/lab/${name}`,
    "subnet-file": `/run/flannel/${process.pid}-${numberOf(name)}/subnet.env`,
  };
  return { ...view, options, facts: { ...view.facts, uplink: underlay } };
}

const vnis = new Map<string, number>();

/** Two networks of one VNI can't be on one host. */
function vniOf(id: string): number {
  const known = vnis.get(id) ?? (vnis.size % 9_999) + 1;
  vnis.set(id, known);
  return known;
}

/** A view that was made without anybody outside gets the place that its subnets would have. */
function placed<V extends NetworkView<FlannelOptions>>(view: V): V {
  const whole = complete(view);
  if (view.facts.place !== undefined) return whole;
  const subnet = (family: "ipv4" | "ipv6") => view.subnets.find((each) => familyOf(each.subnet) === family)?.subnet;
  const [ipv4, ipv6] = [subnet("ipv4") ?? parseCidr("172.16.0.0/24"), subnet("ipv6")];
  const pool = { length: 24, first: parseIp("172.16.1.0"), last: parseIp("172.31.255.0") };
  const place: FlannelPlace = {
    config: {
      ipv4: { network: parseCidr("172.16.0.0/12"), ...pool },
      ...(ipv6 === undefined ? {} : { ipv6: { network: parseCidr("fd00::/16"), ...pool } }),
      backend: { type: "vxlan", vni: vniOf(view.id), port: 8472, learning: false, gbp: false, directRouting: false },
    },
    leased: { ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) },
    publicIp: parseIp("192.0.2.1"),
    ...(ipv6 === undefined ? {} : { publicIpv6: parseIp("2001:db8::1") }),
  };
  return { ...whole, facts: { ...whole.facts, place } };
}

/** What the suite makes of the options below, which is none of those that the driver has. */
function asView<V>(view: unknown): V {
  return view as V;
}

type Whole = NetworkView<FlannelOptions>;

type LabDriver = Driver<Pick<FlannelOptions, "masquerade">, BridgedEndpointOptions>;

export function driver(): LabDriver {
  return labDriver(["ipv4", "ipv6"]);
}

/** With half the kernel objects, for what tries each of them. */
export function narrow(): LabDriver {
  return labDriver(["ipv4"]);
}

function labDriver(families: LabDriver["traits"]["families"]): LabDriver {
  const own = flannel();
  const world = worldOf(families.includes("ipv6"));
  const { outside } = own;
  if (outside === undefined) throw new Error("flannel is outside");
  const { masquerade } = own.options;
  return {
    ...own,
    traits: { ...own.traits, families },
    options: { masquerade },
    facts: () => [],
    check: () => {},
    claims: (view) => own.claims?.(complete(asView<Whole>(view))) ?? [],
    network: (view) => own.network(placed(asView<Whole>(view))),
    endpoint: (view) => own.endpoint({ ...view, network: placed(asView<Whole>(view.network)) }),
    outside: {
      join: async (network) => await outside.join(complete(asView<Whole>(network)), world),
      follow: (network, _, audience) => outside.follow(placed(asView<Whole>(network)), world, audience),
      peer: (network, peer) => outside.peer(placed(asView<Whole>(network)), peer),
      leave: async (network) => await outside.leave(placed(asView<Whole>(network)), world),
    },
  };
}
