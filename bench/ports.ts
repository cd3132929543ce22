/** The rows about published ports; for a private host (see bench.ts). */
import { connectionsRow } from "./connections.ts";
import { openLibrary } from "./library.ts";
import { measurePairs, numbers, summarise, type Side, type Summary } from "./pairs.ts";
import { ms, type Row } from "./report.ts";

interface Plan {
  readonly pairs: number;
  /** How many times the others' ports are published that new connections are measured beside, and for which backends. */
  readonly rounds: number;
  readonly backends: readonly ("nftables" | "iptables")[];
}

const warmUps = 100;
/** Published all the time, so that nothing but ports comes and goes. */
const kept = "1:1";
const one = ["8080:80"];
const range = ["20000-20999:20000-20999"];
const shifted = ["20000-20999:30000-30999"];
const thousand = numbers(20_000, 1000).map((port) => `${port}:${port + 10_000}`);

export async function measurePorts(root: string, { pairs, rounds, backends }: Plan): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using netkit = await openLibrary(root);
  await netkit.networks.create({ name: "ports", subnets: [{ subnet: "10.8.0.0/16" }] });
  const sandbox = await netkit.sandboxes.open({ networks: [{ network: "ports", publish: [kept] }] });
  const publishing = (ports: readonly string[]): Side<undefined> => ({
    before: () => undefined,
    timed: () => sandbox.publish("ports", ports),
    after: async () => void (await sandbox.unpublish("ports", ports)),
  });
  const compare = async (ports: readonly string[], count: number): Promise<Summary> => {
    await measurePairs(numbers(2, Math.ceil(warmUps / 10)), publishing(ports), publishing(one));
    return summarise(await measurePairs(numbers(2, count), publishing(ports), publishing(one)));
  };
  await measurePairs(numbers(2, warmUps), publishing(range), publishing(one));
  const ranges = await compare(range, pairs);
  const shifts = await compare(shifted, Math.ceil(pairs / 5));
  const singles = await compare(thousand, Math.ceil(pairs / 10));
  await sandbox.close();
  const connections: Row[] = [];
  for (const backend of backends) connections.push(await connectionsRow(root, backend, rounds));
  return [...rowsOf(ranges, shifts, singles), ...connections];
}

function rowsOf(ranges: Summary, shifts: Summary, singles: Summary): Row[] {
  return [
    {
      id: "port-range",
      what: "library: publish a range of 1,000 ports, to one port",
      value: ranges.ratioOfMedians,
      unit: "x",
      budget: 2,
      how: `${ms(ranges.medianA)} to ${ms(ranges.medianB)}, median of ratios ${ranges.medianOfRatios.toFixed(2)}, ${ranges.pairs} pairs`,
      data: { ...ranges },
    },
    {
      id: "port-shifted",
      what: "library: publish a range of 1,000 ports for others",
      value: shifts.medianA,
      unit: "ms",
      how: `min ${ms(shifts.minA)}, ${shifts.pairs} times`,
      data: { ...shifts },
    },
    {
      id: "port-thousand",
      what: "library: publish 1,000 single ports at once",
      value: singles.medianA,
      unit: "ms",
      budget: 150,
      how: `min ${ms(singles.minA)}, ${singles.pairs} times`,
      data: { ...singles },
    },
  ];
}
