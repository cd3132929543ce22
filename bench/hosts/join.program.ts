/** A host that comes to a network on which others have many endpoints; its parent tells it what to do. */
import type { Cidr, EndpointId, HostId, Ip, Mac, Network, RemoteEndpoint, SandboxId } from "@netkit/core";
import { overlay } from "@netkit/driver-overlay";
import { openNetkit, type Netkit, type Replication } from "@netkit/engine";
import { macOfAddress } from "@netkit/ipam";
import { openEtcdStore, parseEtcdUrl } from "@netkit/store-etcd";
import { answerCalls } from "@netkit/testing/calls";
import { numbers } from "../pairs.ts";
import { goAhead } from "../ahead.ts";
import type { Place } from "./segment.ts";

/** How long a join took, in ms. */
export interface Joined {
  /** From opening the instance to knowing all that others have. */
  readonly known: number;
  /** The first connect to the network, in all, ... */
  readonly connect: number;
  /** ...and of that the requests to the kernel, those for the host's own part in the network included. */
  readonly kernel: number;
}

const network = "joining";
const sandbox = "first";
/** Whom the endpoints are spread over. */
const others = 10;

const [place = "{}"] = process.argv.slice(2);
const { root, store, name } = JSON.parse(place) as Place;
const steps = new Map<string, number>();
const open = async () => openEtcdStore(parseEtcdUrl(store));

function raise(error: Error): never {
  throw error;
}

async function replicating(): Promise<{ readonly netkit: Netkit; readonly replication: Replication | undefined }> {
  let replication: Replication | undefined;
  const netkit = await openNetkit({
    root,
    drivers: [overlay()],
    shared: { open, advertise: "up0", name },
    onTiming: ({ what, ms }) => void steps.set(what, (steps.get(what) ?? 0) + ms),
    agent: { changed: async () => {}, serves: async () => true, share: async () => await replication?.ready() },
  });
  replication = await netkit.replicate(raise);
  await replication?.ready();
  return { netkit, replication };
}

/** As a host writes it. */
function endpointAt({ id: network }: Network, number: number): RemoteEndpoint {
  const idOf = (kind: string): string => `${kind}${number}`.padStart(64, "0");
  const ip = `10.65.${number >> 8}.${number & 255}` as Ip;
  const host = number % others;
  return {
    id: idOf("e") as EndpointId,
    network,
    host: `${host}`.padStart(64, "a") as HostId,
    hostName: `other-${host}`,
    vtep: `192.0.2.${100 + host}` as Ip,
    mac: macOfAddress(ip, "") as Mac,
    addresses: [`${ip}/16` as Cidr],
    sandbox: { id: idOf("b") as SandboxId, name: `s${number}`, hostname: `s${number}`, aliases: [] },
  };
}

const calls = {
  /** Makes the network, and writes what other hosts would. */
  populate: async (endpoints: number): Promise<void> => {
    const { netkit } = await replicating();
    const made = await netkit.networks.create({
      name: network,
      driver: "overlay",
      subnets: [{ subnet: "10.65.0.0/16" }],
    });
    const shared = await open();
    for (const number of numbers(0x100, endpoints)) {
      const value = endpointAt(made, number);
      await shared.commit({ checks: [], writes: [{ key: `endpoint/${made.id}/${value.id}`, value }] });
    }
  },
  join: async (): Promise<Joined> => {
    const started = performance.now();
    const { netkit } = await replicating();
    const known = performance.now();
    const handle = await netkit.sandboxes.open({ name: sandbox });
    goAhead();
    steps.clear();
    const before = performance.now();
    await handle.connect(network);
    const after = performance.now();
    return { known: known - started, connect: after - before, kernel: steps.get("kernel") ?? Number.NaN };
  },
};

export type JoinCalls = typeof calls;

process.once("disconnect", () => process.exit());
answerCalls(calls);
