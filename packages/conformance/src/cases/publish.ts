import assert from "node:assert/strict";
import {
  familyOf,
  ipOf,
  keyOf,
  type Cidr,
  type EndpointView,
  type Family,
  type OpenResource,
  type PortRange,
  type PublishedPort,
} from "@netkit/core";
import type { Case } from "../case.ts";
import { forAllPlans } from "./resource.ts";

const common = { since: 1, tier: "contract", requires: [], applies: () => true } as const satisfies Partial<Case>;

/** It takes several options at once for a port to be opened in a certain way. */
const manyRuns = 1000;

/** How a driver publishes ports. */
export const publishCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-PUBLISH-001",
    rule: "publishes each port once in each family that it can be reached in, to the endpoint's own address, or opens it there, for its sources",
    applies: ({ traits }) => traits.publish,
    run: forAllPlans(({ endpoint, view }) => {
      for (const port of view.ports) {
        const families = view.addresses
          .map(({ address }) => familyOf(address))
          .filter((family) => port.hostAddress === undefined || familyOf(port.hostAddress) === family)
          .filter((family) => port.from === undefined || port.from.some((source) => familyOf(source) === family));
        const published = endpoint.filter(
          (resource) =>
            resource.kind === "publish" &&
            resource.protocol === port.protocol &&
            resource.hostPort.first === port.hostPort.first &&
            resource.hostAddress === port.hostAddress,
        );
        const through = published.map((resource) => (resource.kind === "publish" ? resource.family : ""));
        const opened = families.filter((family) => !through.includes(family));
        assert.deepEqual([...through, ...opened].toSorted(), families.toSorted());
        if (port.routed === true) assert.deepEqual(through, [], "a port of the host that wasn't taken");
        for (const family of opened) {
          assert.ok(
            numbersOf(port.port).every((number) =>
              endpoint.some((resource) => resource.kind === "open" && opens(resource, port, number, family, view)),
            ),
            `${port.port.first}/${port.protocol} is neither published nor open in ${family}`,
          );
        }
        for (const resource of published) {
          if (resource.kind !== "publish") continue;
          assert.deepEqual([resource.hostPort, resource.targetPort], [port.hostPort, port.port]);
          assert.deepEqual(resource.from, sourcesIn(port, resource.family));
          assert.ok(
            view.addresses.some(({ address }) => ipOf(address) === resource.target),
            `${resource.target} isn't the endpoint's`,
          );
        }
      }
    }, manyRuns),
  },
  {
    ...common,
    id: "DRV-PUBLISH-002",
    rule: "plans no published and no open port that nobody asked for, and opens none for others than it was asked for",
    run: forAllPlans(({ network, endpoint, view }) => {
      const published = [...network, ...endpoint].filter(({ kind }) => kind === "publish");
      if (view.ports.length === 0) assert.deepEqual(published, []);
      for (const resource of [...network, ...endpoint]) {
        if (resource.kind !== "open") continue;
        for (const number of numbersOf(resource.targetPort)) {
          const asked = view.ports.filter(
            ({ protocol, port }) => protocol === resource.protocol && port.first <= number && number <= port.last,
          );
          assert.ok(asked.length > 0, `${keyOf(resource)}: nobody asked for ${number}`);
          const everybody = asked.some(({ from }) => from === undefined);
          const some = asked.flatMap(({ from = [] }) => from);
          assert.ok(
            everybody || resource.from?.every((source) => some.includes(source)) === true,
            `${keyOf(resource)} is open to others than it was asked for`,
          );
        }
      }
    }),
  },
  {
    ...common,
    id: "DRV-OPEN-001",
    rule: "opens ports where the isolation of their link lets them in, each once",
    run: forAllPlans(({ network, endpoint }) => {
      const opened = endpoint.filter((resource) => resource.kind === "open");
      for (const [index, resource] of opened.entries()) {
        const { target, protocol, targetPort, link } = resource;
        const area = network.find((each) => each.kind === "isolation" && each.link === link);
        const lets = area?.kind === "isolation" && (area[familyOf(target)] === "opened" || area.trusted !== undefined);
        assert.ok(lets, `nothing lets anybody in to ${keyOf(resource)}`);
        const twin = opened
          .slice(index + 1)
          .find(
            (other) =>
              other.target === target &&
              other.protocol === protocol &&
              other.targetPort.first <= targetPort.last &&
              targetPort.first <= other.targetPort.last,
          );
        assert.equal(twin, undefined, `${keyOf(resource)} is open twice`);
      }
    }, 4 * manyRuns),
  },
];

/** Whether the resource opens one number of the port to its sources, at an address of the endpoint. */
function opens(
  { target, protocol, targetPort, from }: OpenResource,
  port: PublishedPort,
  number: number,
  family: Family,
  view: EndpointView,
): boolean {
  const own = view.addresses.some(({ address }) => ipOf(address) === target && familyOf(address) === family);
  const within = targetPort.first <= number && number <= targetPort.last;
  const all = from === undefined || sourcesIn(port, family)?.every((source) => from.includes(source)) === true;
  return own && within && all && protocol === port.protocol;
}

function sourcesIn({ from }: PublishedPort, family: Family): readonly Cidr[] | undefined {
  return from?.filter((source) => familyOf(source) === family);
}

function numbersOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
