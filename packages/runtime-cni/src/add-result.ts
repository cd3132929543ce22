import { hasNames, resolverAddress, type Endpoint, type Network, type Plan } from "@netkit/core";
import type { SandboxRequest } from "@netkit/engine";
import type { Environment } from "./environment.ts";
import type { Result } from "./result.ts";

/** An attachment as it was made. */
export interface Made {
  readonly endpoint: Endpoint;
  readonly network: Network;
  /** What has been made for it. */
  readonly plan: Plan;
  /** An agent serves it names. */
  readonly names: boolean;
  readonly dns: NonNullable<SandboxRequest["dns"]>;
  /** The runtime knows of netkit's name server, and what goes with it, by another interface: it writes down all that it is told. */
  readonly isTold: boolean;
}

/** What the runtime and later plugins are told: in the order of the reference bridge, if there is a bridge. */
export function addResult({ netns }: Environment, { endpoint, network, plan, names, dns, isTold }: Made): Result {
  const resources = plan.flatMap(({ op, resource }) => (op === "remove" ? [] : [resource]));
  const veth = resources.find(
    (resource) =>
      resource.kind === "veth" && resource.peer.ns === endpoint.namespace && resource.peer.name === endpoint.ifName,
  );
  const own = resources.filter(({ ns }) => ns === endpoint.namespace);
  const pair = veth?.kind === "veth" ? veth : undefined;
  const mtu = pair?.peer.mtu ?? own.flatMap((resource) => ("mtu" in resource ? (resource.mtu ?? []) : []))[0];
  const hosts = [pair?.master, pair?.name].flatMap((name) => name ?? []);
  const mac = endpoint.mac ?? pair?.peer.mac;
  const served = names && hasNames(network);
  return {
    interfaces: [
      ...hosts.map((name) => ({ name, ...(mtu === undefined ? {} : { mtu }) })),
      {
        name: endpoint.ifName,
        ...(mac === undefined ? {} : { mac }),
        ...(mtu === undefined ? {} : { mtu }),
        sandbox: netns,
      },
    ],
    ips: endpoint.addresses.map(({ address, gateway }) => ({
      interface: hosts.length,
      address,
      ...(gateway === undefined ? {} : { gateway }),
    })),
    routes: own.flatMap((resource) =>
      resource.kind === "route" && resource.table === undefined && (resource.type ?? "unicast") === "unicast"
        ? [{ dst: resource.destination, ...(resource.via === undefined ? {} : { gw: resource.via }) }]
        : [],
    ),
    dns: isTold
      ? {}
      : {
          ...listed("nameservers", served ? [resolverAddress] : (dns.servers ?? [])),
          ...listed("search", dns.search ?? []),
          ...listed("options", dns.options ?? []),
        },
  };
}

function listed(key: string, values: readonly string[]): Record<string, string[]> {
  return values.length === 0 ? {} : { [key]: [...values] };
}
