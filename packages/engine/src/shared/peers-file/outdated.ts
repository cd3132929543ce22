import {
  ipOf,
  NetkitError,
  stableJson,
  type Endpoint,
  type Ip,
  type Network,
  type NetworkId,
  type Sandbox,
} from "@netkit/core";
import { contains } from "@netkit/ipam";
import { enumerated } from "../../listed.ts";
import type { Reader } from "../../lookup.ts";
import { keys } from "../../state.ts";
import type { SharedNetwork } from "../records.ts";

/** What of this host's sandboxes is otherwise than the file has it by now: they are left as they are. */
export async function findOutdated(
  reader: Reader,
  path: string,
  networks: ReadonlyMap<NetworkId, SharedNetwork>,
): Promise<NetkitError[]> {
  const found: NetkitError[] = [];
  for (const { value: network } of await reader.range<Network>("network/")) {
    if (network.scope !== "global") continue;
    const endpoints = await endpointsOn(reader, network.id);
    if (endpoints.length === 0) continue;
    const now = networks.get(network.id);
    const namesake = now ?? [...networks.values()].find(({ name }) => name === network.name);
    if (namesake === undefined) found.push(gone(path, network, endpoints));
    else if (now === undefined) found.push(changed(path, namesake, network, endpoints));
    else found.push(...misplaced(path, now, network, endpoints));
  }
  return found;
}

interface Here {
  readonly endpoint: Endpoint;
  readonly sandbox: string;
}

async function endpointsOn(reader: Reader, network: NetworkId): Promise<Here[]> {
  const prefix = keys.attached(network, "");
  const found: Here[] = [];
  for (const { key } of await reader.range(prefix)) {
    const endpoint = await reader.get<Endpoint>(`endpoint/${key.slice(prefix.length)}`);
    const sandbox = endpoint && (await reader.get<Sandbox>(keys.sandbox(endpoint.sandbox)));
    if (endpoint !== undefined && sandbox !== undefined) found.push({ endpoint, sandbox: sandbox.name });
  }
  return found;
}

function gone(path: string, { name }: Network, endpoints: readonly Here[]): NetkitError {
  return new NetkitError("STATE_CHANGED", `${used(name, endpoints)}, is no more in ${path} for this host`, {
    hint: "Disconnect or remove what is on it; then it goes.",
    details: { network: name, path },
  });
}

/** One that is made otherwise is another one of the same name. */
function changed(path: string, now: SharedNetwork, network: Network, endpoints: readonly Here[]): NetkitError {
  const { name } = network;
  const what = changesOf(now, network);
  return new NetkitError(
    "STATE_CHANGED",
    `${used(name, endpoints)}, is made otherwise by ${path} now: ${what.join("; ")}`,
    {
      hint: `Write there what it was; or disconnect or remove what is on it, and connect it again: then it is as the file has it.`,
      details: { network: name, path },
    },
  );
}

function changesOf(now: SharedNetwork, before: Network): string[] {
  const [there, here] = [now, before].map(({ driver, internal, options, claims, subnets }) => ({
    driver,
    internal,
    ...options,
    ...claims,
    subnets: subnets.map(({ subnet, gateway }) => [subnet, gateway].join(" by ")),
  }));
  const fields = new Map(Object.entries({ ...here, ...there }));
  return [...fields.keys()].flatMap((field) => {
    const [is, was] = [there, here].map((one) => shown((one as Record<string, unknown> | undefined)?.[field]));
    return is === was ? [] : [`${field} is ${is}, and was ${was}`];
  });
}

function shown(value: unknown): string {
  if (value === undefined) return "not set";
  return typeof value === "string" ? value : stableJson(value);
}

function used(network: string, endpoints: readonly Here[]): string {
  const users = endpoints.map(({ sandbox }) => `'${sandbox}'`);
  return `network '${network}', which ${enumerated(users)} ${users.length === 1 ? "is" : "are"} on`;
}

function misplaced(path: string, now: SharedNetwork, network: Network, endpoints: readonly Here[]): NetkitError[] {
  const isOwn = (ip: Ip, sandbox: string | undefined): boolean => {
    const kept = now.subnets.flatMap(({ auxiliary }) => Object.entries(auxiliary)).find(([, other]) => other === ip);
    if (kept !== undefined) return kept[0] === sandbox;
    return now.subnets.some(({ range }) => range !== undefined && contains(range, ip));
  };
  const held = [
    ...(network.share?.host?.addresses ?? []).map((address) => ({ ip: ipOf(address), sandbox: undefined })),
    ...endpoints.flatMap(({ endpoint: { addresses }, sandbox }) =>
      addresses.map(({ address }) => ({ ip: ipOf(address), sandbox })),
    ),
  ];
  return held.flatMap(({ ip, sandbox }) =>
    isOwn(ip, sandbox)
      ? []
      : new NetkitError(
          "ADDRESS_TAKEN",
          `${ip} of ${sandbox === undefined ? "this host itself" : `sandbox '${sandbox}'`} on network '${network.name}' isn't its own any more by ${path}`,
          {
            hint:
              sandbox === undefined
                ? "Disconnect all sandboxes of this host from the network, and connect them again."
                : `Disconnect and connect it: netkit network disconnect ${network.name} ${sandbox}`,
            details: { address: ip, network: network.name, path },
          },
        ),
  );
}
