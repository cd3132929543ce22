import assert from "node:assert/strict";
import { ipOf, keyOf, type AnyDriver, type NetworkView, type PeerView, type Resource } from "@netkit/core";
import * as fc from "fast-check";
import type { Case, CaseContext } from "../case.ts";
import { linksNeeded, linksOf, problemsOf } from "../grammar.ts";
import { networkViews, peersOn, resourcesOf } from "../views.ts";

const common = {
  since: 1,
  tier: "contract",
  requires: [],
  applies: (driver: AnyDriver) => driver.peers !== undefined,
} as const satisfies Partial<Case>;

interface PeerPlan {
  readonly view: NetworkView;
  readonly peers: readonly PeerView[];
  readonly network: readonly Resource[];
  readonly resources: readonly Resource[];
}

/** Checks `holds` on networks that the driver accepts, with any peers. */
function forAllPeers(holds: (plan: PeerPlan) => void) {
  return ({ driver }: CaseContext): void => {
    fc.assert(
      fc.property(
        networkViews(driver).chain((view) => fc.tuple(fc.constant(view), peersOn(view))),
        ([view, peers]) => {
          const network = resourcesOf(() => driver.network(view));
          if (network !== undefined) holds({ view, peers, network, resources: driver.peers?.(view, peers) ?? [] });
        },
      ),
    );
  };
}

/** What a global driver's function for remote endpoints returns. */
export const peerCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-PEERS-001",
    rule: "lists for peers what is well-formed, once, on the host and on links of the network; and nothing where there are none",
    run: (context) =>
      forAllPeers(({ view, peers, network, resources }) => {
        assert.equal(
          JSON.stringify(context.driver.peers?.(view, peers)),
          JSON.stringify(resources),
          "equal views, different resources",
        );
        assert.equal(resources.length === 0, peers.length === 0);
        const keys = [...network, ...resources].map(keyOf);
        assert.deepEqual(keys, [...new Set(keys)]);
        const links = new Set(network.flatMap(linksOf).map(({ name }) => name));
        for (const resource of resources) {
          assert.deepEqual(problemsOf(resource), [], keyOf(resource));
          assert.equal(resource.ns, "host", keyOf(resource));
          for (const { name } of linksNeeded(resource)) assert.ok(links.has(name), `${keyOf(resource)} needs ${name}`);
        }
      })(context),
  },
  {
    ...common,
    id: "DRV-PEERS-002",
    rule: "lists for a peer the same whichever others there are",
    run: (context) =>
      forAllPeers(({ view, peers, resources }) => {
        const alone = [...Map.groupBy(peers, ({ mac }) => mac).values()].flatMap(
          (addresses) => context.driver.peers?.(view, addresses) ?? [],
        );
        assert.deepEqual(lines(alone), lines(resources));
      })(context),
  },
  {
    ...common,
    id: "DRV-PEERS-003",
    rule: "gives the host no address of a peer",
    run: forAllPeers(({ peers, network, resources }) => {
      const addresses = new Set(peers.map(({ address }) => ipOf(address)));
      for (const resource of [...network, ...resources])
        if (resource.kind === "address") assert.ok(!addresses.has(ipOf(resource.address)), keyOf(resource));
    }),
  },
  {
    ...common,
    id: "DRV-PEERS-004",
    rule: "where it finds endpoints that it isn't told of, lists something for each host that has such, whichever others there are",
    applies: (driver) => driver.peers !== undefined && driver.traits.finds === true,
    run: (context) =>
      forAllPeers(({ view, peers, network, resources }) => {
        const { driver } = context;
        const hosts = [...new Set(peers.map(({ vtep }) => vtep))];
        const each = hosts.map((vtep) => driver.peers?.(view, [], [vtep]) ?? []);
        for (const own of each) assert.ok(own.length > 0, "nothing for a host");
        const all = driver.peers?.(view, peers, hosts) ?? [];
        assert.deepEqual(lines(all), lines([...resources, ...each.flat()]));
        const keys = [...network, ...all].map(keyOf);
        assert.deepEqual(keys, [...new Set(keys)]);
        for (const resource of all) assert.deepEqual(problemsOf(resource), [], keyOf(resource));
      })(context),
  },
];

function lines(resources: readonly Resource[]): string[] {
  return resources.map((resource) => JSON.stringify(resource)).toSorted();
}
