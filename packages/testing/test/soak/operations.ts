import * as fc from "fast-check";

/** Workers, each of which has a network and boxes of its own: only it makes and removes them, so that it knows what is there. */
export const lanes = 4;
/** Of each worker. */
const boxesEach = 3;
/** What all of them want to publish: the first of these ports of the host, and so many after it. */
const firstPort = 5000;
const ports = 4;

export type Shape = "plain" | "internal" | "ipv6";
export type Damage = "link" | "address" | "route" | "down";

/** What one worker does. Whatever is there already is removed again: two equal operations are there and back. */
export type Operation =
  | { readonly kind: "network"; readonly shape: Shape }
  | { readonly kind: "sandbox"; readonly box: number; readonly networks: readonly string[] }
  /** A second sandbox in the first one's namespace. */
  | { readonly kind: "join"; readonly box: number }
  | { readonly kind: "attach"; readonly box: number; readonly network: string }
  | { readonly kind: "port"; readonly box: number; readonly port: number }
  /** Something of the box is changed by hand, and mended. */
  | { readonly kind: "damage"; readonly box: number; readonly damage: Damage }
  | { readonly kind: "repair" }
  | { readonly kind: "gc" };

/** What happens between two quiet points. */
export interface Round {
  /** For each worker what it does, one thing after the other, while the others do theirs. */
  readonly work: readonly (readonly Operation[])[];
  /** The worker of `lane` is killed so long after it was asked for its operation `at`. */
  readonly kill: { readonly lane: number; readonly at: number; readonly afterMs: number } | undefined;
  /** Before all this somebody deletes all rules of the firewall, and a repair brings them back. */
  readonly flush: boolean;
}

export function networkName(lane: number): string {
  return `net${lane}`;
}

const box = fc.nat(boxesEach - 1);
const anyNetwork = fc.nat(lanes - 1).map(networkName);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("network" as const),
      shape: fc.constantFrom<Shape>("plain", "plain", "internal", "ipv6"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("sandbox" as const),
      box,
      networks: fc.uniqueArray(anyNetwork, { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("join" as const), box }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("attach" as const), box, network: anyNetwork }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("port" as const),
      box,
      port: fc.nat(ports - 1).map((index) => firstPort + index),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("damage" as const),
      box,
      damage: fc.constantFrom<Damage>("link", "address", "route", "down"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "repair" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "gc" as const }) },
);

const perRound = 8;
/** The first worker lives as long as the soak, so that its memory can be watched. */
const mortalLanes = fc.integer({ min: 1, max: lanes - 1 });

const round: fc.Arbitrary<Round> = fc.record({
  work: fc.array(fc.array(operation, { maxLength: perRound, size: "max" }), {
    minLength: lanes,
    maxLength: lanes,
  }),
  kill: fc.option(
    fc.record({ lane: mortalLanes, at: fc.nat(perRound - 1), afterMs: fc.integer({ min: 0, max: 20 }) }),
    { nil: undefined, freq: 3 },
  ),
  flush: fc.integer({ min: 0, max: 9 }).map((value) => value === 9),
});

/** Of all ports. */
export const everyPort: readonly number[] = Array.from({ length: ports }, (_, index) => firstPort + index);

/** From an empty host on. */
export const scenario: fc.Arbitrary<Round[]> = fc.array(round, { minLength: 1, maxLength: 16, size: "max" });
