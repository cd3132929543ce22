import {
  familyOf,
  type Endpoint,
  type Family,
  type Network,
  type NetworkRoute,
  type RemoteEndpoint,
  type SharedHost,
  type SubnetRequest,
} from "@netkit/core";
import type { Loan, NetworkDetails } from "@netkit/engine";
import { hostLabels } from "./host-labels.ts";
import { portTexts } from "./port-view.ts";

/** Docker's fields of a network in a list. */
export interface NetworkRow {
  readonly ID: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly IPv4: string;
  readonly IPv6: string;
  readonly Internal: string;
  readonly Labels: string;
  readonly CreatedAt: string;
}

export const networkHeaders: Readonly<Record<keyof NetworkRow, string>> = {
  ID: "NETWORK ID",
  Name: "NAME",
  Driver: "DRIVER",
  Scope: "SCOPE",
  IPv4: "IPV4",
  IPv6: "IPV6",
  Internal: "INTERNAL",
  Labels: "LABELS",
  CreatedAt: "CREATED AT",
};

export function networkRow(network: Network, truncated: boolean): NetworkRow {
  return {
    ID: truncated ? network.id.slice(0, 12) : network.id,
    Name: network.name,
    Driver: network.driver,
    Scope: network.scope,
    IPv4: String(hasIpv4(network)),
    IPv6: String(network.ipv6),
    Internal: String(network.internal),
    Labels: formatLabels(network.labels),
    CreatedAt: network.created,
  };
}

export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** A network without subnets (yet) counts as one with IPv4, as in Docker. */
function hasIpv4({ subnets }: Network): boolean {
  return subnets.length === 0 || subnets.some(({ subnet }) => familyOf(subnet) === "ipv4");
}

/** What `docker network inspect` shows of a network, with netkit's further facts of an endpoint beside Docker's. */
export function networkView(network: NetworkDetails): Record<string, unknown> {
  const hosts = hostLabels(network.remotes.map(hostOf));
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: hasIpv4(network),
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: network.driver === "null" ? "null" : "default",
      Options: {},
      Config: (network.configOnly ?? network).subnets.map(ipamConfig),
    },
    Internal: network.internal,
    // Docker's word for whether containers that aren't of a swarm service may be on one of the swarm's networks.
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? "" },
    ConfigOnly: network.configOnly !== undefined,
    Routes: ((network.configOnly ?? network).routes ?? []).map(routeView),
    Containers: Object.fromEntries([
      ...network.endpoints.map((endpoint) => [
        endpoint.sandbox,
        {
          Name: endpoint.sandboxName,
          EndpointID: endpoint.id,
          MacAddress: endpoint.mac ?? "",
          IPv4Address: addressOf(endpoint, "ipv4"),
          IPv6Address: addressOf(endpoint, "ipv6"),
          Interface: endpoint.ifName,
          Aliases: endpoint.aliases,
          Ports: portTexts(endpoint),
          ...(network.host === undefined ? {} : hostView(network.host)),
        },
      ]),
      ...network.remotes.flatMap((remote) => remoteView(remote, hosts(hostOf(remote)))),
    ]),
    Loans: network.loans.map(loanView),
    Joins: network.joins.map(({ id, engine, daemon = "", subnets = [], pools = [], created }) => ({
      Id: id,
      Engine: engine,
      Daemon: daemon,
      Subnets: subnets,
      Pools: pools,
      Created: created,
    })),
    ...(network.scope === "global" ? { Peers: peersOf(network, hosts) } : {}),
    ...(network.facts.place === undefined ? {} : { Place: network.facts.place, Outsiders: network.outsiders }),
    Options: Object.fromEntries(
      // What was claimed is one of what was asked for: the VNI, say.
      Object.entries({
        ...(network.configOnly ?? network).options,
        ...(network.scope === "global" ? network.claims : {}),
      })
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    Labels: network.labels,
    Status: {
      IPAM: {
        Subnets: Object.fromEntries(
          Object.entries(network.usage).map(([subnet, { used, available }]) => [
            subnet,
            { IPsInUse: used, DynamicIPsAvailable: available },
          ]),
        ),
      },
    },
  };
}

/** A sandbox on another host, with where that is. */
function remoteView({ id, sandbox, mac, addresses, vtep }: RemoteEndpoint, host: string): [string, unknown][] {
  if (sandbox === undefined) return [];
  const found = { addresses: addresses.map((address) => ({ address })) };
  const view = {
    Name: sandbox.name,
    EndpointID: id,
    MacAddress: mac,
    IPv4Address: addressOf(found, "ipv4"),
    IPv6Address: addressOf(found, "ipv6"),
    Aliases: sandbox.aliases,
    ...hostView({ name: host, vtep }),
  };
  return [[sandbox.id, view]];
}

/** Addresses that somebody has who isn't connected by netkit. */
function loanView({ holder, addresses, labels }: Loan): Record<string, unknown> {
  return {
    Holder: holder,
    IPv4Address: addressOf({ addresses }, "ipv4"),
    IPv6Address: addressOf({ addresses }, "ipv6"),
    Labels: labels,
  };
}

/** Where a sandbox on a network of several hosts is. */
function hostView({ name, vtep }: Pick<SharedHost, "name" | "vtep">): Record<string, unknown> {
  return { Host: name, VTEP: vtep };
}

/** The other hosts that have the network, in Docker's shape. */
function peersOf(
  { remotes }: NetworkDetails,
  hosts: ReturnType<typeof hostLabels>,
): { readonly Name: string; readonly IP: string }[] {
  const peers = new Map(remotes.map((remote) => [remote.host, { Name: hosts(hostOf(remote)), IP: remote.vtep }]));
  return [...peers.values()];
}

function hostOf({ host, hostName }: RemoteEndpoint): Pick<SharedHost, "id" | "name"> {
  return { id: host, name: hostName };
}

function ipamConfig({ subnet, gateway, range, auxiliary = {} }: SubnetRequest): Record<string, unknown> {
  return {
    ...(subnet === undefined ? {} : { Subnet: subnet }),
    ...(range === undefined ? {} : { IPRange: range }),
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

function routeView({ destination, gateway, type, metric }: NetworkRoute): Record<string, unknown> {
  return {
    Destination: destination,
    ...(gateway === undefined ? {} : { Gateway: gateway }),
    ...(type === undefined ? {} : { Type: type }),
    Metric: metric,
  };
}

/** The endpoint's address of that family with its prefix length, or "". */
export function addressOf({ addresses }: Pick<Endpoint, "addresses">, family: Family): string {
  return addresses.find(({ address }) => familyOf(address) === family)?.address ?? "";
}
