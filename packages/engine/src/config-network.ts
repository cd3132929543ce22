import { NetkitError, parseCidr, parseIp, type Network, type SubnetRequest } from "@netkit/core";
import { planSubnets } from "@netkit/ipam";
import type { NetworkRequest, SubnetInput } from "./api.ts";
import type { Draft } from "./draft.ts";
import { findNetwork, type Reader } from "./lookup.ts";
import { parseRoutes } from "./network-routes.ts";

/** @throws NetkitError ADDRESS_INVALID */
export function parseSubnet({ subnet, gateway, range, auxiliary = {} }: SubnetInput): SubnetRequest {
  return {
    ...(subnet === undefined ? {} : { subnet: parseCidr(subnet) }),
    ...(gateway === undefined ? {} : { gateway: parseIp(gateway) }),
    ...(range === undefined ? {} : { range: parseCidr(range) }),
    auxiliary: Object.fromEntries(Object.entries(auxiliary).map(([name, ip]) => [name, parseIp(ip)])),
  };
}

/**
 * What a network of `--config-only` keeps for others. Which driver will read the options, and whether it has
 * gateways, isn't known yet.
 * @throws NetkitError ARGUMENT_INVALID, SUBNET_INVALID, ROUTE_INVALID
 */
export function settingsOf(request: NetworkRequest): NonNullable<Network["configOnly"]> {
  const { internal, addresses, configFrom } = request;
  const what =
    internal === true
      ? "internal"
      : addresses === false
        ? "without addresses"
        : configFrom === undefined
          ? undefined
          : "made from another";
  if (what !== undefined) {
    throw new NetkitError("ARGUMENT_INVALID", `'${request.name}' holds settings alone and can't be ${what}`, {
      hint: "Say that of the networks that are made from it.",
    });
  }
  const subnets = (request.subnets ?? []).map(parseSubnet);
  planSubnets(
    subnets.filter(({ subnet }) => subnet !== undefined),
    { families: ["ipv4", "ipv6"], gateways: [] },
  );
  const routes = parseRoutes(request, subnets);
  return {
    subnets,
    ...(routes.length === 0 ? {} : { routes }),
    ipv4: request.ipv4 ?? true,
    options: request.options ?? {},
  };
}

/**
 * The request with the settings of the network that `configFrom` names; as in Docker it may have none of its own then.
 * @throws NetkitError ARGUMENT_INVALID, NETWORK_NOT_FOUND
 */
export async function withSettings(draft: Draft, request: NetworkRequest): Promise<NetworkRequest> {
  if (request.configFrom === undefined) return request;
  const { name, configOnly: settings, ipv6, labels } = await findNetwork(draft, request.configFrom);
  if (settings === undefined) {
    throw new NetkitError("ARGUMENT_INVALID", `network '${name}' isn't one that others are made from`, {
      hint: "Such a network is created with --config-only.",
    });
  }
  const own = [
    ...((request.subnets ?? []).length > 0 ? ["subnets"] : []),
    ...((request.routes ?? []).length > 0 ? ["routes"] : []),
    ...(request.ipv4 === false || request.ipv6 === true || request.addresses === false ? ["families"] : []),
    ...(Object.keys(request.options ?? {}).length > 0 ? ["driver options"] : []),
    ...(Object.keys(request.labels ?? {}).length > 0 ? ["labels"] : []),
  ];
  if (own.length > 0) {
    throw new NetkitError("ARGUMENT_INVALID", `network '${request.name}' has its ${own.join(" and ")} from '${name}'`, {
      hint: `Leave them out, or leave out --config-from.`,
    });
  }
  return { ...request, ...settings, ipv6, labels, configFrom: name };
}

/** @throws NetkitError NETWORK_IN_USE with the names of the networks that were made from this one */
export async function refuseUsedSettings(reader: Reader, { name, configOnly }: Network): Promise<void> {
  if (configOnly === undefined) return;
  const users = (await reader.range<Network>("network/")).filter(({ value }) => value.configFrom === name);
  if (users.length === 0) return;
  const names = users.map(({ value }) => value.name);
  throw new NetkitError("NETWORK_IN_USE", `the settings of '${name}' are in use by ${names.join(", ")}`, {
    hint: `Remove first: netkit network rm ${names.join(" ")}`,
    details: { network: name, networks: names },
  });
}
