import type { Endpoint, EndpointId, Network } from "@netkit/core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { chooseDefaultRoutes, type Attached } from "../src/default-route.ts";

interface Given {
  readonly name: string;
  readonly priority?: number | undefined;
  readonly metric?: number | undefined;
  readonly internal?: boolean;
  readonly options?: Network["options"];
  readonly gateways: readonly string[];
}

function attach({ name, priority, metric, internal = false, options = {}, gateways }: Given): Attached {
  return {
    endpoint: {
      id: name as EndpointId,
      ...(priority === undefined ? {} : { gatewayPriority: priority }),
      ...(metric === undefined ? {} : { metric }),
      addresses: gateways.map((gateway) => ({ address: `${gateway}0/24`, gateway })),
    } as unknown as Endpoint,
    network: { name, internal, options } as Network,
  };
}

const four = "10.0.0.1";
const six = "fd00::1";
/** Families by endpoint; those where another's counts are in brackets. */
const choose = (given: readonly Given[]): Record<string, string> =>
  Object.fromEntries(
    [...chooseDefaultRoutes(given.map(attach), ["ipv4", "ipv6"])].map(([id, { first, later }]) => [
      id,
      [...first, ...later.map((family) => `(${family})`)].join(),
    ]),
  );

test.each<[string, Given[], Record<string, string>]>([
  [
    "the first by name",
    [
      { name: "b", gateways: [four] },
      { name: "a", gateways: [four] },
    ],
    { a: "ipv4", b: "" },
  ],
  [
    "both families over one",
    [
      { name: "a", gateways: [four] },
      { name: "b", gateways: [four, six] },
    ],
    { a: "", b: "ipv4,ipv6" },
  ],
  [
    "the priority over both families",
    [
      { name: "a", gateways: [four, six] },
      { name: "b", priority: 1, gateways: [six] },
    ],
    { a: "ipv4", b: "ipv6" },
  ],
  ["a low priority rather than none", [{ name: "a", priority: -5, gateways: [four] }], { a: "ipv4" }],
  [
    "never an internal network",
    [
      { name: "a", internal: true, priority: 9, gateways: [four] },
      { name: "b", gateways: [four] },
    ],
    { a: "", b: "ipv4" },
  ],
  [
    "no network that gives none",
    [
      { name: "a", options: { "no-default-route": true }, priority: 9, gateways: [four, six] },
      { name: "b", options: { "no-default-route": false }, gateways: [four] },
    ],
    { a: "", b: "ipv4" },
  ],
  [
    "the lowest metric over a priority, and the others stand beside it",
    [
      { name: "a", metric: 200, priority: 9, gateways: [four] },
      { name: "b", metric: 100, gateways: [four] },
      { name: "c", metric: 300, gateways: [four, six] },
    ],
    { a: "(ipv4)", b: "ipv4", c: "ipv6,(ipv4)" },
  ],
  [
    "of one metric the highest priority alone",
    [
      { name: "a", metric: 100, gateways: [four] },
      { name: "b", metric: 100, priority: 1, gateways: [four] },
      { name: "c", metric: 300, priority: -1, gateways: [four] },
      { name: "d", metric: 300, gateways: [four] },
    ],
    { a: "", b: "ipv4", c: "", d: "(ipv4)" },
  ],
  [
    "the kernel's own metric where none is given: 0, in IPv6 1024",
    [
      { name: "a", gateways: [four, six] },
      { name: "b", metric: 100, gateways: [four, six] },
      { name: "c", metric: 1024, priority: -1, gateways: [six] },
    ],
    { a: "ipv4,(ipv6)", b: "ipv6,(ipv4)", c: "" },
  ],
  ["nothing without a gateway", [{ name: "a", gateways: [] }], { a: "" }],
])("the default route has %s", (_, given, expected) => {
  expect(choose(given)).toEqual(expected);
});

test("each family is first with one where anybody has a way out in it, in whatever order the endpoints came", () => {
  const given = fc.uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z]{1,3}$/),
      priority: fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }),
      metric: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      internal: fc.boolean(),
      gateways: fc.subarray([four, six]),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  );
  fc.assert(
    fc.property(given, (list) => {
      const chosen = choose(list);
      expect(choose(list.toReversed())).toEqual(chosen);
      for (const [family, gateway] of [
        ["ipv4", four],
        ["ipv6", six],
      ] as const) {
        const possible = list.some(({ internal, gateways }) => !internal && gateways.includes(gateway));
        const holders = Object.values(chosen).filter((families) => families.split(",").includes(family));
        expect(holders).toHaveLength(possible ? 1 : 0);
      }
    }),
  );
});
