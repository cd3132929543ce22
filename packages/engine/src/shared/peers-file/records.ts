import { createHash } from "node:crypto";
import {
  prefixLengthOf,
  type Cidr,
  type EndpointId,
  type HostId,
  type Id,
  type Ip,
  type NetworkId,
  type RemoteEndpoint,
  type SandboxId,
  type SharedHost,
} from "@netkit/core";
import { contains, macOfAddress } from "@netkit/ipam";
import { sharedKeys } from "../keys.ts";
import type { SharedNetwork } from "../records.ts";
import type { LocalHost } from "../this-host.ts";
import { partsOf, type PlannedNetwork } from "./planning.ts";
import type { FileHost, PeersFile } from "./reading.ts";

/** The records that the hosts would have in a store, as `self` has to see them, but for its own. */
export function recordsFor(
  file: PeersFile,
  planned: ReadonlyMap<string, PlannedNetwork>,
  self: LocalHost,
): Map<string, unknown> {
  const records = new Map<string, unknown>();
  const own = [...file.hosts.values()].find(({ vtep }) => vtep === self.vtep);
  const others = [...file.hosts.values()].filter((host) => host !== own);
  // How a link elsewhere is set up nobody knows here.
  for (const { name, vtep, mtu = self.mtu } of others)
    records.set(sharedKeys.host(hostId(name)), { id: hostId(name), name, vtep, mtu } satisfies SharedHost);
  for (const one of planned.values()) {
    if (own === undefined || !one.parts.has(own.name)) continue;
    const { id } = one.network;
    records.set(sharedKeys.network(id), networkFor(one, own, file.source.path));
    for (const host of others) {
      if (!one.parts.has(host.name)) continue;
      for (const endpoint of endpointsOn(one, host)) records.set(sharedKeys.endpoint(id, endpoint.id), endpoint);
    }
  }
  return records;
}

/** With the host's part of each subnet, out of which it keeps the addresses that are somebody's. */
function networkFor({ network, parts, endpoints }: PlannedNetwork, { name }: FileHost, path: string): SharedNetwork {
  const ranges = partsOf(network, parts.get(name) ?? []);
  const own = [...endpoints].filter(([, { host }]) => host === name);
  const { realised: _, facts: __, share: ___, ...common } = network;
  const subnets = network.subnets.map((subnet, index) => {
    const range = ranges[index];
    const kept = own.flatMap(([sandbox, { ip, ip6 }]): [string, Ip][] =>
      [ip, ip6].flatMap((address) =>
        address !== undefined && contains(subnet.subnet, address) ? [[sandbox, address]] : [],
      ),
    );
    const auxiliary = { ...subnet.auxiliary, ...Object.fromEntries(kept) };
    return { ...subnet, ...(range === undefined ? {} : { range }), auxiliary };
  });
  const sandboxes = Object.fromEntries(own.map(([sandbox, { host: _here, ...listed }]) => [sandbox, listed]));
  return { ...common, subnets, listed: { file: path, sandboxes } };
}

/** Those that the file lists, and a record for all that it doesn't. */
function endpointsOn({ network, endpoints }: PlannedNetwork, host: FileHost): RemoteEndpoint[] {
  const { id } = network;
  const on = { network: id, host: hostId(host.name), hostName: host.name, vtep: host.vtep };
  const part = idOf(id, "host", host.name) as EndpointId;
  const listed = [...endpoints].flatMap(([name, { host: where, ip, ip6, mac }]): RemoteEndpoint[] => {
    if (where !== host.name) return [];
    const endpoint = idOf(id, "endpoint", name) as EndpointId;
    const sandbox = idOf(id, "sandbox", name) as SandboxId;
    const addresses = [ip, ip6].flatMap((address) => withLength(network.subnets, address) ?? []);
    return [
      {
        ...on,
        id: endpoint,
        mac: mac ?? macOfAddress(ip ?? ip6, endpoint),
        addresses,
        sandbox: { id: sandbox, name, hostname: name, aliases: [] },
      },
    ];
  });
  return [{ ...on, id: part, mac: macOfAddress(undefined, part), addresses: [], unlisted: true }, ...listed];
}

function withLength(subnets: readonly { readonly subnet: Cidr }[], ip: Ip | undefined): Cidr | undefined {
  const found = ip && subnets.find(({ subnet }) => contains(subnet, ip));
  return found && (`${ip}/${prefixLengthOf(found.subnet)}` as Cidr);
}

function hostId(name: string): HostId {
  return idOf("host", name) as HostId;
}

function idOf(...words: readonly (string | NetworkId)[]): Id {
  return createHash("sha256").update(words.join(" ")).digest("hex") as Id;
}
