import type { Caller } from "@netkit/testing/calls";
import { median, numbers } from "../pairs.ts";
import { ms, type Row } from "../report.ts";
import type { Joined, JoinCalls } from "./join.program.ts";
import type { Segment } from "./segment.ts";

/** Hosts that come, one after the other, to a network on which others have that many endpoints. */
export async function measureJoining(segment: Segment, endpoints: number, joins: number): Promise<Row[]> {
  const start = async (name: string): Promise<Caller<JoinCalls>> =>
    (await segment.start<JoinCalls>("join.program.js", name, "joining/")).caller;
  await (await start("populating")).call("populate", endpoints);
  const joined: Joined[] = [];
  for (const number of numbers(0, joins)) joined.push(await (await start(`joining-${number}`)).call("join"));
  const of = (what: keyof Joined): number => median(joined.map((one) => one[what]));
  const [kernel, connect, known] = [of("kernel"), of("connect"), of("known")];
  return [
    {
      id: "join",
      what: `a host joins ${endpoints.toLocaleString("en")} remote endpoints: programming the kernel`,
      value: kernel,
      unit: "ms",
      budget: 100,
      how: `in a first connect of ${ms(connect)}; to know all from the store: ${ms(known)}; ${joins} hosts`,
      data: { joined },
    },
  ];
}
