import { ipOf, type Cidr, type Endpoint, type Network, type RemoteEndpoint, type Sandbox } from "@netkit/core";
import { contains, countAssignable } from "@netkit/ipam";
import { consistently } from "./consistently.ts";
import type { EndpointDetails, NetworkDetails, SandboxDetails } from "./api.ts";
import { endpointsOfNamespace, endpointsOfNetwork, namespaceOf, networkOf, sandboxOf, type Reader } from "./lookup.ts";
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
  return {
    ...sandbox,
    owner: namespace.owner,
    netns: namespace.path,
    endpoints: await withNames(reader, await endpointsOfNamespace(reader, namespace.id)),
    members: await Promise.all(others.map(async (member) => (await sandboxOf(reader, member)).name)),
    state: locate(namespace) === undefined && !isAwaited(namespace, sandbox) ? "gone" : sandboxState(sandbox),
  };
}

/** Of a sandbox that was just read; undefined if somebody has removed it since. */
export async function sandboxDetailsIfThere(reader: Reader, sandbox: Sandbox): Promise<SandboxDetails | undefined> {
  return await consistently(async (again) => {
    const now = again ? await reader.get<Sandbox>(keys.sandbox(sandbox.id)) : sandbox;
    return now === undefined ? undefined : await sandboxDetails(reader, now);
  });
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
