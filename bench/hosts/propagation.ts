import { median, numbers, p99 } from "../pairs.ts";
import { ms, type Row } from "../report.ts";
import type { SharingHost } from "./segment.ts";

interface Plan {
  /** How many endpoints the network has before, on all hosts together. */
  readonly endpoints: number;
  /** How many more are attached one by one, and measured. */
  readonly attaches: number;
  /** One of so many is tried from each host by a ping to its name. */
  readonly sampleOf: number;
}

const network = "propagation";
/** A sandbox that each host has from the start. */
const first = "first";

/** One endpoint's way to one host, in ms after `connect` had returned; 0 where the host had it before. */
interface Way {
  readonly programmed: number;
  readonly resolved: number;
}

export async function measurePropagation(
  hosts: readonly SharingHost[],
  { endpoints, attaches, sampleOf }: Plan,
): Promise<Row[]> {
  await hosts[0]?.call("create", {
    name: network,
    driver: "overlay",
    subnets: [{ subnet: "10.64.0.0/16" }],
    // Names that aren't known yet aren't asked of anybody else then.
    internal: true,
  });
  await Promise.all(
    hosts.map(async (host) => {
      await host.call("share");
      for (const index of numbers(0, Math.ceil(endpoints / hosts.length))) {
        const sandbox = index === 0 ? first : `${host.name}-${index}`;
        await host.call("open", sandbox, network);
      }
      await host.call("askFrom", first);
    }),
  );
  for (const host of hosts) await host.call("share");

  const cpu = async (): Promise<number> => {
    const all = await Promise.all(hosts.map(async (host) => await host.call("cpu")));
    return all.reduce((sum, one) => sum + one, 0);
  };
  const ways: Way[][] = [];
  const before = await cpu();
  for (const number of numbers(0, attaches)) {
    const host = hosts[number % hosts.length];
    if (host === undefined) break;
    const sandbox = `new-${number}`;
    await host.call("open", sandbox);
    ways.push(await attach(host, sandbox, hosts));
    if (number % sampleOf !== 0) continue;
    for (const other of hosts) await other.call("run", first, ["ping", "-c", "1", "-W", "1", sandbox]);
  }
  const cpuMs = ((await cpu()) - before) / attaches;
  return rowsOf(ways, hosts.length, endpoints, cpuMs);
}

async function attach(host: SharingHost, sandbox: string, hosts: readonly SharingHost[]): Promise<Way[]> {
  const others = hosts.filter((other) => other !== host);
  await Promise.all(others.map(async (other) => await other.call("listen", sandbox)));
  const { address, returned } = await host.call("connect", sandbox, network);
  const heard = await Promise.all(others.map(async (other) => await other.call("heard")));
  const since = (time: number): number => Math.max(0, time - returned);
  return heard.map((one) => {
    if (one?.address !== address) throw new Error(`'${sandbox}' is at ${address}, and not at ${one?.address}`);
    return { programmed: since(one.programmed), resolved: since(one.resolved) };
  });
}

function rowsOf(ways: readonly Way[][], hosts: number, endpoints: number, cpuMs: number): Row[] {
  const all = ways.flat();
  const last = (what: keyof Way): number[] => ways.map((way) => Math.max(...way.map((one) => one[what])));
  const [programmed, resolved] = [last("programmed"), last("resolved")];
  const how = `${ways.length} attaches, the last of ${hosts - 1} hosts each; any of them: median ${ms(median(all.map((way) => way.resolved)))}; the kernel alone: median ${ms(median(programmed))}, p99 ${ms(p99(programmed))}; CPU of all hosts for each: ${ms(cpuMs)}`;
  return [
    {
      id: "propagation",
      what: `${hosts} hosts, ${endpoints} endpoints: connect's return to known on every host`,
      value: median(resolved),
      unit: "ms",
      budget: 50,
      how,
      data: { programmed, resolved },
    },
    {
      id: "propagation-p99",
      what: "the same, p99",
      value: p99(resolved),
      unit: "ms",
      budget: 150,
      how: `worst ${ms(Math.max(...resolved))}`,
      data: {},
    },
  ];
}
