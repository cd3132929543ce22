import assert from "node:assert/strict";
import {
  familyOf,
  ipOf,
  isNetkitError,
  keyOf,
  prefixLengthOf,
  sameData,
  type AnyDriver,
  type EndpointView,
  type NetworkView,
  type Resource,
} from "@netkit/core";
import * as fc from "fast-check";
import type { Case, CaseContext } from "../case.ts";
import { linksNeeded, linksOf, problemsOf } from "../grammar.ts";
import { makesNetworks } from "../lab/steps.ts";
import { endpointsOn, endpointViews, networkViews, resourcesOf } from "../views.ts";

const common = { since: 1, tier: "contract", requires: [], applies: () => true } as const satisfies Partial<Case>;
const runs = 100;

/** Checks `holds` on networks and endpoints that the driver accepts, with what it plans for them. */
export function forAllPlans(
  holds: (plan: { network: readonly Resource[]; endpoint: readonly Resource[]; view: EndpointView }) => void,
  numRuns: number = runs,
) {
  return ({ driver }: CaseContext): void => {
    fc.assert(
      fc.property(endpointViews(driver), (view) => {
        const network = resourcesOf(() => driver.network(view.network));
        const endpoint = resourcesOf(() => driver.endpoint(view));
        if (network !== undefined && endpoint !== undefined) holds({ network, endpoint, view });
      }),
      { numRuns },
    );
  };
}

const hasInterface = makesNetworks;

/** What a driver's functions return. */
export const resourceCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-PURE-001",
    rule: "equal views give equal resources",
    run: ({ driver }) =>
      fc.assert(
        fc.property(endpointViews(driver), (view) => {
          for (const plan of [() => driver.network(view.network), () => driver.endpoint(view)]) {
            const first = JSON.stringify(resourcesOf(plan));
            assert.equal(JSON.stringify(resourcesOf(plan)), first);
          }
        }),
        { numRuns: runs },
      ),
  },
  {
    ...common,
    id: "DRV-PURE-002",
    rule: "leaves the view as it was, and does with one that can't be changed",
    run: ({ driver }) =>
      fc.assert(
        fc.property(endpointViews(driver), (view) => {
          const frozen = deepFreeze(structuredClone(view));
          const free = resourcesOf(() => [...driver.network(view.network), ...driver.endpoint(view)]);
          assert.deepEqual(
            resourcesOf(() => [...driver.network(frozen.network), ...driver.endpoint(frozen)]),
            free,
          );
          assert.deepEqual(view, frozen);
        }),
        { numRuns: runs },
      ),
  },
  {
    ...common,
    id: "DRV-REFUSE-001",
    rule: "refuses what it can't do with a NetkitError that isn't internal",
    run: ({ driver }) =>
      fc.assert(
        fc.property(networkViews(driver), (view) => {
          try {
            driver.check?.(view);
            driver.network(view);
          } catch (error) {
            assert.ok(isNetkitError(error) && error.kind !== "internal", `threw ${String(error)}`);
            assert.notEqual(error.message, "");
          }
        }),
        { numRuns: runs },
      ),
  },
  {
    ...common,
    id: "DRV-RESOURCE-001",
    rule: "lists no kernel object twice",
    run: forAllPlans(({ network, endpoint }) => {
      for (const list of [network, endpoint]) {
        const keys = list.map(keyOf);
        assert.deepEqual(keys, [...new Set(keys)]);
      }
      for (const [key, both] of shared(network, endpoint)) assert.ok(sameData(...both), `${key} is wanted in two ways`);
    }),
  },
  {
    ...common,
    id: "DRV-RESOURCE-002",
    rule: "puts a network's resources on the host, an endpoint's there or into the sandbox",
    run: forAllPlans(({ network, endpoint, view }) => {
      for (const resource of network) assert.deepEqual(spacesOf(resource), ["host"], keyOf(resource));
      for (const resource of endpoint) {
        for (const ns of spacesOf(resource)) assert.ok(["host", view.namespace].includes(ns), keyOf(resource));
      }
    }),
  },
  {
    ...common,
    id: "DRV-RESOURCE-003",
    rule: "names links in 15 bytes, with no word of nft's, and writes addresses, routes, ports and sysctls as their kinds have them",
    run: forAllPlans(({ network, endpoint }) => {
      for (const resource of [...network, ...endpoint]) assert.deepEqual(problemsOf(resource), [], keyOf(resource));
    }),
  },
  {
    ...common,
    id: "DRV-RESOURCE-004",
    rule: "lists every link that its resources name, somebody else's with `ensure: exists`, and every key they depend on",
    run: forAllPlans(({ network, endpoint }) => {
      const all = [...network, ...endpoint];
      const keys = new Set(all.map(keyOf));
      const links = new Set(all.flatMap(linksOf).map(({ ns, name }) => `${ns} ${name}`));
      for (const resource of all) {
        for (const { ns, name } of linksNeeded(resource))
          assert.ok(links.has(`${ns} ${name}`), `${keyOf(resource)} needs ${name}, which isn't listed`);
        for (const key of resource.dependsOn ?? [])
          assert.ok(keys.has(key), `${keyOf(resource)} depends on ${key}, which isn't listed`);
      }
    }),
  },
  {
    ...common,
    id: "DRV-RESOURCE-005",
    rule: "wants the same object for two networks or endpoints in the same way only",
    applies: hasInterface,
    run: ({ driver }) =>
      fc.assert(
        fc.property(twoEndpoints(driver), ([one, other]) => {
          if (
            JSON.stringify(one.network.claims) === JSON.stringify(other.network.claims) &&
            Object.keys(one.network.claims).length > 0
          )
            return;
          if (sharesSubnet(one.network, other.network)) return;
          const [first, second] = [wholePlan(driver, one), wholePlan(driver, other)];
          if (first === undefined || second === undefined) return;
          for (const [key, both] of shared(first, second)) {
            assert.ok(sameData(...both), `${key} is wanted in two ways`);
            assert.ok(
              linksOf(both[0]).length === 0 || both[0].ensure === "exists",
              `${key} is one link for two networks`,
            );
          }
        }),
        { numRuns: runs },
      ),
  },
  {
    ...common,
    id: "DRV-ADDRESS-001",
    rule: "gives the sandbox's interface each address of the endpoint, with its subnet's length or as a single host, and no other",
    applies: hasInterface,
    run: forAllPlans(({ endpoint, view }) => {
      const given = endpoint.filter((resource) => resource.kind === "address" && resource.ns === view.namespace);
      const found = given.map((resource) =>
        resource.kind === "address" ? `${resource.link} ${ipOf(resource.address)}` : "",
      );
      assert.deepEqual(
        found.toSorted(),
        view.addresses.map(({ address }) => `${view.ifName} ${ipOf(address)}`).toSorted(),
      );
      for (const resource of given) {
        if (resource.kind !== "address") continue;
        const wanted = view.addresses.find(({ address }) => ipOf(address) === ipOf(resource.address))?.address;
        const whole = familyOf(resource.address) === "ipv4" ? 32 : 128;
        assert.ok(
          wanted !== undefined && [prefixLengthOf(wanted), whole].includes(prefixLengthOf(resource.address)),
          `${resource.address} instead of ${wanted}`,
        );
      }
    }),
  },
  {
    ...common,
    id: "DRV-ADDRESS-002",
    rule: "never gives the host an endpoint's address",
    applies: hasInterface,
    run: forAllPlans(({ network, endpoint, view }) => {
      const addresses = view.addresses.map(({ address }) => ipOf(address));
      for (const resource of [...network, ...endpoint]) {
        if (resource.kind === "address" && resource.ns === "host")
          assert.ok(!addresses.includes(ipOf(resource.address)), keyOf(resource));
      }
    }),
  },
  {
    ...common,
    id: "DRV-MAC-001",
    rule: "gives the sandbox's interface the endpoint's MAC and name",
    applies: (driver) => hasInterface(driver) && driver.traits.sharedMac !== true,
    run: forAllPlans(({ endpoint, view }) => {
      const macs = endpoint.flatMap((resource) => {
        if (resource.kind === "veth") {
          const ends = [resource, resource.peer];
          return ends.filter(({ ns, name }) => ns === view.namespace && name === view.ifName).map(({ mac }) => mac);
        }
        const inside = linksOf(resource).some(({ ns, name }) => ns === view.namespace && name === view.ifName);
        return inside && "mac" in resource ? [resource.mac] : [];
      });
      assert.deepEqual(macs, [view.mac]);
    }),
  },
  {
    ...common,
    id: "DRV-MAC-002",
    rule: "gives the sandbox's interface the endpoint's name, and no MAC where it has that of the link below",
    applies: (driver) => hasInterface(driver) && driver.traits.sharedMac === true,
    run: forAllPlans(({ endpoint, view }) => {
      const made = endpoint.filter((resource) => linksOf(resource).some(({ ns }) => ns === view.namespace));
      const links = made.map((resource) => ({
        names: linksOf(resource).map(({ name }) => name),
        mac: "mac" in resource,
      }));
      assert.deepEqual(links, [{ names: [view.ifName], mac: false }]);
    }),
  },
  {
    ...common,
    id: "DRV-ROUTE-001",
    rule: "plans a default route in the sandbox for exactly the families that this endpoint is to carry",
    applies: hasInterface,
    run: forAllPlans(({ endpoint, view }) => {
      const found = endpoint.flatMap((resource) =>
        resource.kind === "route" &&
        resource.ns === view.namespace &&
        ["0.0.0.0/0", "::/0"].includes(resource.destination)
          ? [familyOf(resource.destination)]
          : [],
      );
      assert.deepEqual(found.toSorted(), view.defaultRoute.toSorted());
    }),
  },
  {
    ...common,
    id: "DRV-INTERNAL-001",
    rule: "plans no NAT to the outside for an internal network",
    applies: ({ traits }) => traits.internal,
    run: forAllPlans(({ network, endpoint, view }) => {
      if (view.network.internal)
        assert.deepEqual(
          [...network, ...endpoint].filter(({ kind }) => kind === "masquerade"),
          [],
        );
    }),
  },
  {
    ...common,
    id: "DRV-NONE-001",
    rule: "plans no addresses, routes or ports where it has none",
    applies: ({ traits }) => traits.addresses === "none",
    run: forAllPlans(({ network, endpoint }) => {
      const kinds = [...network, ...endpoint].map(({ kind }) => kind);
      assert.deepEqual(
        kinds.filter((kind) => ["address", "route", "publish", "open", "masquerade"].includes(kind)),
        [],
      );
    }),
  },
];

/** Endpoints of two networks with different ids, as nearly the same as can be otherwise. */
function twoEndpoints(driver: AnyDriver): fc.Arbitrary<[EndpointView, EndpointView]> {
  return fc
    .tuple(endpointViews(driver), networkViews(driver))
    .filter(([one, other]) => one.network.id !== other.id && resourcesOf(() => driver.network(other)) !== undefined)
    .chain(([one, other]) =>
      fc.tuple(
        fc.constant(one),
        endpointsOn(driver, { ...other, instance: one.network.instance }).filter(
          // In one namespace the engine gives the default route to one of them alone.
          ({ id, namespace, ports, options }) =>
            id !== one.id && namespace !== one.namespace && ports.length === 0 && !sharesName(one.options, options),
        ),
      ),
    );
}

/** Who gives two endpoints' links one name has to do with one link. */
function sharesName(one: object, other: object): boolean {
  const texts = Object.entries(other).filter(([, value]) => typeof value === "string");
  return texts.some(([name, value]) => Reflect.get(one, name) === value);
}

function sharesSubnet(one: NetworkView, other: NetworkView): boolean {
  return one.subnets.some(({ gateway }) => other.subnets.some((subnet) => subnet.gateway === gateway));
}

/** The keys that both lists hold, with both resources. */
function shared(one: readonly Resource[], other: readonly Resource[]): Map<string, [Resource, Resource]> {
  const byKey = new Map(one.map((resource) => [keyOf(resource), resource]));
  const pairs = other.flatMap((resource) => {
    const twin = byKey.get(keyOf(resource));
    return twin === undefined ? [] : [[keyOf(resource), [twin, resource]] as [string, [Resource, Resource]]];
  });
  return new Map(pairs);
}

function spacesOf(resource: Resource): string[] {
  return [...new Set(resource.kind === "veth" ? [resource.ns, resource.peer.ns] : [resource.ns])];
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/** What an endpoint and its network want together; undefined where the driver refuses the view. */
function wholePlan(driver: AnyDriver, view: EndpointView): readonly Resource[] | undefined {
  return resourcesOf(() => [...driver.network(view.network), ...driver.endpoint(view)]);
}
