// Who reaches a sandbox, as the README of driver-bridge tells it between two markers, and as a test has observed it.
import { join } from "node:path";
import type { GatewayMode } from "@netkit/driver-bridge";

export const readmePath: string = join(import.meta.dirname, "../../driver-bridge/README.md");

const begin = "<!-- access: made by packages/testing/test/access-matrix.netns.test.ts -->";
const end = "<!-- /access -->";

/** Where questions come from; the keys of a row, in the order of its columns. */
const origins = {
  host: "the host",
  neighbour: "a neighbour",
  other: "another network",
  outside: "the outside",
} as const;
export type Origin = keyof typeof origins;

/** What is asked for; a port of the host exists for a published one only. */
export const aims = {
  publishedOnHost: "a published port, by the host's address",
  published: "a published port, by the sandbox's address",
  unpublished: "another port, by the sandbox's address",
  ping: "a ping of the sandbox's address",
} as const;
export type Aim = keyof typeof aims;

/** What was seen, by `IPv4 TCP` and the like; the same for all of them is said once. */
export type Seen = ReadonlyMap<string, string>;

export interface Observation {
  readonly mode: GatewayMode;
  readonly reached: ReadonlyMap<Aim, ReadonlyMap<Origin, Seen>>;
  /** How the outside sees what comes from the sandbox. */
  readonly outbound: Seen;
}

/** `readme` with the tables of what was observed. */
export function withAccessTables(readme: string, observations: readonly Observation[]): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${readmePath} has no markers '${begin}' and '${end}'`);
  return `${readme.slice(0, from)}${begin}\n\n${tables(observations)}\n\n${readme.slice(to)}`;
}

function tables(observations: readonly Observation[]): string {
  const inbound = observations.flatMap(({ mode, reached }) =>
    [...reached].map(([aim, row]) => {
      const cells = (Object.keys(origins) as Origin[]).map((origin) => cell(row.get(origin)));
      return `| \`${mode}\` | ${aims[aim]} | ${cells.join(" | ")} |`;
    }),
  );
  const outbound = observations.map(({ mode, outbound: seen }) => `| \`${mode}\` | ${cell(seen)} |`);
  return [
    `| gateway mode | to | from ${Object.values(origins).join(" | from ")} |`,
    `| --- | --- |${" --- |".repeat(Object.keys(origins).length)}`,
    ...inbound,
    "",
    "| gateway mode | to the outside a sandbox |",
    "| --- | --- |",
    ...outbound,
  ].join("\n");
}

function cell(seen: Seen | undefined): string {
  const values = new Set(seen?.values());
  if (values.size <= 1) return [...values][0] ?? "";
  return [...(seen ?? [])].map(([what, value]) => `${what}: ${value}`).join(", ");
}
