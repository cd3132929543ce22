/** The rows about attaching an endpoint with the library, beside the floor; for a private host (see bench.ts). */
import { execFileSync } from "node:child_process";
import { portsEach } from "./endpoint.ts";
import { Floor, type FloorSandbox } from "./floor.ts";
import { attaching, openLibrary } from "./library.ts";
import { measurePairs, median, numbers, summarise, type Pairs, type Side } from "./pairs.ts";
import { ms, type Row } from "./report.ts";

interface Plan {
  /** Pairs of attach and detach on a network that stays as it is. */
  readonly pairs: number;
  /** How many networks are filled to 200 endpoints, and whether the last one goes on to 1,000. */
  readonly fills: number;
  readonly thousand: boolean;
  /** To how many endpoints a network of the driver routed is filled. */
  readonly routed: number;
}

const windows = [
  { name: "200th", from: 191 },
  { name: "1,000th", from: 991 },
  { name: "4,000th", from: 3991 },
] as const;
const windowSize = 10;
/** Until V8 has compiled what runs: the figures are those of a process that lives. */
const warmUps = 250;

export async function measureAttach(root: string, { pairs, fills, thousand, routed }: Plan): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using netkit = await openLibrary(root);
  await netkit.networks.create({ name: "attach", subnets: [{ subnet: "10.8.0.0/16" }] });
  const floor = new Floor(
    execFileSync("nft", ["-s", "list", "table", "inet", netkit.instance.mark], { encoding: "utf8" }),
  );
  const bare = (stays: boolean, isRouted = false): Side<FloorSandbox> => ({
    before: (number) => floor.open(number, portsEach, { routed: isRouted }),
    timed: (sandbox) => floor.attach(sandbox),
    after: async (sandbox) => {
      if (stays) return;
      await floor.detach(sandbox);
      floor.close(sandbox);
    },
  });

  const sides = [attaching(netkit, "attach", false), bare(false)] as const;
  await measurePairs(numbers(2, warmUps), ...sides);
  const attach = await measurePairs(numbers(2, pairs), ...sides);

  const empty = async (): Promise<void> => {
    await netkit.sandboxes.removeAll((await netkit.sandboxes.list()).map(({ name }) => name));
    await floor.clear();
  };
  const filled: Pairs[] = [];
  for (let fill = 0; fill < fills; fill++) {
    const last = fill === fills - 1;
    const network = `fill-${fill}`;
    await netkit.networks.create({ name: network, subnets: [{ subnet: `10.${10 + fill}.0.0/16` }] });
    filled.push(
      await measurePairs(numbers(2, last && thousand ? 1000 : 200), attaching(netkit, network, true), bare(true)),
    );
    await empty();
  }
  await netkit.networks.create({ name: "routed", driver: "routed", subnets: [{ subnet: "10.100.0.0/16" }] });
  const wide = [await measurePairs(numbers(2, routed), attaching(netkit, "routed", true), bare(true, true))];
  await empty();
  return [
    ...attachRows(attach),
    ...windows.flatMap((window) => growthRows({ ...window, id: "growth", on: "" }, filled)),
    ...windows.flatMap((window) => growthRows({ ...window, id: "growth-routed", on: ", routed" }, wide)),
  ];
}

interface Window {
  readonly id: string;
  readonly name: string;
  /** What sort of network, in words. */
  readonly on: string;
  /** The first one that counts. */
  readonly from: number;
}

function attachRows(pairs: Pairs): Row[] {
  const summary = summarise(pairs);
  const { medianA, medianB, minA, minB, ratioOfMedians, medianOfRatios } = summary;
  return [
    {
      id: "attach",
      what: "library: attach with 10 ports, to the floor",
      value: ratioOfMedians,
      unit: "x",
      budget: 2.5,
      how: `${ms(medianA)} (min ${minA.toFixed(2)}) to ${ms(medianB)}, median of ratios ${medianOfRatios.toFixed(2)}, ${summary.pairs} pairs`,
      data: { ...summary },
    },
    {
      id: "floor",
      what: "floor: bare netlink and nft requests",
      value: medianB,
      unit: "ms",
      budget: 1.4,
      how: `min ${ms(minB)}; the budget is that of an idle machine`,
      data: { medianMs: medianB, minMs: minB },
    },
  ];
}

/** How much slower attaching has become, for netkit as a multiple of what it is for the floor. */
function growthRows({ id, name, on, from }: Window, fills: readonly Pairs[]): Row[] {
  const full = fills.filter(({ a }) => a.length >= from + windowSize - 1);
  if (full.length === 0) return [];
  const growth = (side: "a" | "b"): { first: number; later: number; growth: number } => {
    const at = (start: number) => median(full.flatMap((pairs) => pairs[side].slice(start - 1, start - 1 + windowSize)));
    const [first, later] = [at(1), at(from)];
    return { first, later, growth: later / first };
  };
  const [netkit, floor] = [growth("a"), growth("b")];
  const told = ({ first, later, growth }: typeof netkit) =>
    `${first.toFixed(2)} -> ${ms(later)} (${growth.toFixed(2)}x)`;
  return [
    {
      id: `${id}-${from + windowSize - 1}`,
      what: `library: growth to the ${name} endpoint${on}, to the floor's`,
      value: netkit.growth / floor.growth,
      unit: "x",
      budget: 1.1,
      how: `netkit ${told(netkit)}, floor ${told(floor)}, ${full.length * windowSize} pairs each`,
      data: { netkit, floor },
    },
  ];
}
