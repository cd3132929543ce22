import { spaceOf, type Space } from "@netkit/testing";
import type { Caller } from "@netkit/testing/calls";
import { measurePairs, numbers, summarise, type Side, type Summary } from "../pairs.ts";
import { ms, type Row } from "../report.ts";
import { joinByHand, servicesByHand, untrackedByHand } from "./handmade.ts";
import type { LoadCalls } from "./load.program.ts";
import type { Segment } from "./segment.ts";

interface Plan {
  /** For each setting; of the one with a budget {@link closer} times as many. */
  readonly pairs: number;
  /** Of one sample. */
  readonly bytes: number;
  readonly roundTrips: number;
}

/** Many short ones: what the machine does besides falls on both of a pair. 200 say it to within 1 %, and 20 to within 4 %. */
const closer = 20;

const network = "tunnel";
const sandbox = "end";
/** At least so many times as much, and a round trip at most so many times as long. */
const ratio = 0.98;

/** What the hosts are like that netkit is measured on and beside. */
interface Setting {
  readonly id: string;
  readonly beside: string;
  /** Whether the budget is meant for it. */
  readonly counts: boolean;
  /** Of the host made by hand alone, then of all hosts. */
  readonly byHand?: string;
  readonly all: string;
}

const bridgeNetfilter = (on: 0 | 1): string => `echo ${on} > /proc/sys/net/bridge/bridge-nf-call-iptables`;

/** One after the other: what one sets stays for those behind it. */
const settings: readonly Setting[] = [
  { id: "-bare", beside: "a VXLAN made by hand, without any firewall", counts: false, all: bridgeNetfilter(0) },
  { id: "", beside: "one with the same services", counts: true, byHand: servicesByHand, all: "" },
  { id: "-untracked", beside: "the same, its tunnels untracked", counts: false, byHand: untrackedByHand, all: "" },
  { id: "-filtered", beside: "that, bridged packets filtered as well", counts: false, all: bridgeNetfilter(1) },
];

/** Two processes, a connection of TCP and one of UDP between them. */
interface Ends {
  readonly client: Caller<LoadCalls>;
  readonly server: Caller<LoadCalls>;
}

/** An overlay network of two hosts beside a VXLAN of the same shape that is made by hand, between two others on the same wire. */
export async function measureTunnel(segment: Segment, { pairs, bytes, roundTrips }: Plan): Promise<Row[]> {
  const hosts = await segment.add(2, "tunnel/");
  await hosts[0]?.call("create", { name: network, driver: "overlay", subnets: [{ subnet: "10.66.0.0/24" }] });
  const made: { space: Space; address: string }[] = [];
  for (const host of hosts) {
    await host.call("share");
    await host.call("open", sandbox);
    const { address } = await host.call("connect", sandbox, network);
    made.push({ space: spaceOf(await host.call("namespaceOf", sandbox)), address });
  }
  for (const host of hosts) await host.call("share");
  const [a, b] = [await segment.place(), await segment.place()];
  const byHand = await joinByHand([a.host, b.host], [a.address, b.address], 1450);
  const ends = async (spaces: readonly { space: Space; address: string }[]): Promise<Ends> => {
    const [own, other] = spaces;
    if (own === undefined || other === undefined) throw new Error("a tunnel has two ends");
    return await connect(segment, own, other);
  };
  const overlay = await ends(made);
  const floor = await ends(byHand.map(({ namespace, address }) => ({ space: namespace, address })));
  const sending = ({ client, server }: Ends): Side<number> => ({
    before: (round) => round,
    timed: async () => {
      const sunk = server.call("sink", bytes);
      await client.call("send", bytes);
      await sunk;
    },
  });
  const asking = ({ client, server }: Ends): Side<number> => ({
    before: (round) => round,
    timed: async () => {
      const echoed = server.call("echo", roundTrips);
      await client.call("ask", roundTrips);
      await echoed;
    },
  });
  const measure = async (timed: (ends: Ends) => Side<number>, { counts }: Setting): Promise<Summary> => {
    await measurePairs(numbers(0, 4), timed(overlay), timed(floor));
    const rounds = numbers(0, counts ? closer * pairs : pairs);
    return summarise(await measurePairs(rounds, timed(overlay), timed(floor)));
  };
  const rate = (median: number): string => `${((bytes * 8) / median / 1e6).toFixed(1)} Gbit/s`;
  const trip = (median: number): string => `${((median * 1e3) / roundTrips).toFixed(1)} µs`;
  const prepare = async ({ byHand, all }: Setting): Promise<void> => {
    for (const { host } of [a, b]) await host.shell(byHand ?? "");
    for (const space of [...hosts.map((host) => host.space), a.host, b.host]) await space.shell(all);
  };
  // On one CPU, ahead of all else, both are the path of the packets, and not how the CPUs share it or how long one takes to
  // wake up, by which streams of equal networks differ by 5 %.
  for (const { client, server } of [overlay, floor]) for (const end of [client, server]) await end.call("pin", 0);
  const rows: Row[] = [];
  for (const setting of settings) {
    await prepare(setting);
    rows.push(rowOf("tunnel-stream", "time of a TCP stream", setting, await measure(sending, setting), rate));
  }
  for (const { host } of [a, b]) await host.shell("nft delete table inet byhand");
  for (const setting of settings) {
    await prepare(setting);
    rows.push(rowOf("tunnel-round-trip", "UDP round trip", setting, await measure(asking, setting), trip));
  }
  return rows;
}

function rowOf(id: string, what: string, setting: Setting, summary: Summary, figure: (median: number) => string): Row {
  return {
    id: `${id}${setting.id}`,
    what: `overlay: ${what}, to ${setting.beside}`,
    value: summary.medianOfRatios,
    unit: "x",
    ...(setting.counts ? { budget: Number((1 / ratio).toFixed(2)) } : {}),
    how: `${figure(summary.medianA)} to ${figure(summary.medianB)}, ratio of medians ${summary.ratioOfMedians.toFixed(2)}, ${summary.pairs} pairs of ${ms(summary.medianB)}`,
    data: { ...summary },
  };
}

async function connect(
  segment: Segment,
  own: { readonly space: Space; readonly address: string },
  other: { readonly space: Space; readonly address: string },
): Promise<Ends> {
  const client = await segment.fork<LoadCalls>("load.program.js", [], own.space);
  const server = await segment.fork<LoadCalls>("load.program.js", [], other.space);
  await client.call("pair", own.address, other.address);
  await server.call("pair", other.address, own.address);
  await server.call("listen", other.address);
  await client.call("connect", other.address);
  await server.call("accept");
  return { client, server };
}
