import {
  ipOf,
  type Cidr,
  type Endpoint,
  type Namespace,
  type Network,
  type RemoteEndpoint,
  type Sandbox,
  type SandboxId,
} from "@netkit/core";
import { contains, countAssignable } from "@netkit/ipam";
import type { EndpointDetails, NetworkDetails, SandboxDetails } from "./api.ts";
import {
  byAge,
  endpointsOfNamespace,
  endpointsOfNetwork,
  namespaceOf,
  networkOf,
  present,
  sandboxOf,
  type Reader,
} from "./lookup.ts";
import { loansOf } from "./loans.ts";
import { joinsOf } from "./network-joins.ts";
import { knownPeers } from "./outside/peers.ts";
import type { LocalHost } from "./shared/this-host.ts";
import { isAwaited, locate, sandboxState } from "./whereabouts.ts";
import { keys } from "./state.ts";

export async function networkDetails(reader: Reader, network: Network): Promise<NetworkDetails> {
  const endpoints = await endpointsOfNetwork(reader, network.id);
  const remotes =
    network.scope === "global"
      ? (await reader.range<RemoteEndpoint>(keys.remote(network.id, ""))).map(({ value }) => value)
      : [];
  const loans = await loansOf(reader, network);
  const usage: Record<Cidr, { used: number; available: bigint }> = {};
  for (const subnet of network.subnets) {
    // One that is lent may be that of an endpoint, too.
    const inUse = new Set(
      [
        ...endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
        ...remotes.flatMap(({ addresses }) => addresses),
        ...(network.share?.host?.addresses ?? []),
        ...loans.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
      ]
        .map(ipOf)
        .filter((ip) => contains(subnet.subnet, ip)),
    ).size;
    const reserved = Object.keys(subnet.auxiliary).length + (subnet.gateway === undefined ? 0 : 1);
    const left = countAssignable(subnet) - BigInt(inUse);
    usage[subnet.subnet] = { used: inUse + reserved, available: left < 0n ? 0n : left };
  }
  const outsiders = network.facts.place === undefined ? {} : await knownPeers(reader, network);
  const host = network.scope === "global" ? await reader.get<LocalHost>(keys.self) : undefined;
  return {
    ...network,
    ...(host === undefined ? {} : { host }),
    endpoints: await withNames(reader, endpoints),
    remotes,
    outsiders,
    loans,
    joins: await joinsOf(reader, network),
    usage,
  };
}

export async function sandboxDetails(reader: Reader, sandbox: Sandbox): Promise<SandboxDetails> {
  const namespace = await namespaceOf(reader, sandbox.namespace);
  const others = namespace.members.filter((member) => member !== sandbox.id);
  const members = await Promise.all(others.map(async (member) => (await sandboxOf(reader, member)).name));
  return detailsOf(
    sandbox,
    namespace,
    await withNames(reader, await endpointsOfNamespace(reader, namespace.id)),
    members,
  );
}

/** All of them, in order of creation, by reading each kind of document once. Without the lock, {@link consistently}. */
export async function everySandbox(reader: Reader): Promise<SandboxDetails[]> {
  const networks = await byKey<Network>(reader, "network/");
  const namespaces = await byKey<Namespace>(reader, "namespace/");
  const endpoints = [...(await byKey<Endpoint>(reader, "endpoint/")).values()];
  const sandboxes = await byKey<Sandbox>(reader, "sandbox/");
  const byNamespace = Map.groupBy(byAge(endpoints), ({ namespace }) => namespace);
  const nameOf = (id: SandboxId): string | undefined => sandboxes.get(keys.sandbox(id))?.name;
  return byAge([...sandboxes.values()]).map((sandbox) => {
    const namespace = required(namespaces, keys.namespace(sandbox.namespace));
    const named = (byNamespace.get(namespace.id) ?? []).map((endpoint) => ({
      ...endpoint,
      networkName: required(networks, keys.network(endpoint.network)).name,
      sandboxName: nameOf(endpoint.sandbox) ?? "",
    }));
    const others = namespace.members.filter((member) => member !== sandbox.id);
    const members = others.map((member) => required(sandboxes, keys.sandbox(member)).name);
    return detailsOf(sandbox, namespace, named, members);
  });
}

function required<T>(documents: ReadonlyMap<string, T>, key: string): T {
  return present(documents.get(key), key);
}

async function byKey<T>(reader: Reader, prefix: string): Promise<Map<string, T>> {
  return new Map((await reader.range<T>(prefix)).map(({ key, value }) => [key, value]));
}

function detailsOf(
  sandbox: Sandbox,
  namespace: Namespace,
  endpoints: readonly EndpointDetails[],
  members: readonly string[],
): SandboxDetails {
  return {
    ...sandbox,
    owner: namespace.owner,
    netns: namespace.path,
    endpoints,
    members,
    state: locate(namespace) === undefined && !isAwaited(namespace, sandbox) ? "gone" : sandboxState(sandbox),
  };
}

async function withNames(reader: Reader, endpoints: readonly Endpoint[]): Promise<EndpointDetails[]> {
  return await Promise.all(
    endpoints.map(async (endpoint) => ({
      ...endpoint,
      networkName: (await networkOf(reader, endpoint.network)).name,
      sandboxName: (await reader.get<Sandbox>(keys.sandbox(endpoint.sandbox)))?.name ?? "",
    })),
  );
}
