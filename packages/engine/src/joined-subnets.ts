import {
  familyOf,
  ipOf,
  NetkitError,
  type AnyDriver,
  type Cidr,
  type Network,
  type NetworkId,
  type Subnet,
} from "@netkit/core";
import { contains } from "@netkit/ipam";
import type { SubnetInput } from "./api.ts";
import { parseSubnet } from "./config-network.ts";
import type { Draft } from "./draft.ts";
import { loansOf } from "./loans.ts";
import { endpointsOfNetwork } from "./lookup.ts";
import { planNetwork } from "./networks.ts";
import type { Context } from "./operation.ts";
import { keys } from "./state.ts";
import { furtherSubnets } from "./subnets.ts";

/**
 * Gives a network further subnets, whose addresses another engine hands out: sandboxes on it reach each other by the gateways.
 * @throws NetkitError UNSUPPORTED, SUBNET_INVALID, SUBNET_OVERLAP
 */
export async function addSubnets(
  context: Context,
  draft: Draft,
  network: Network,
  inputs: readonly SubnetInput[],
): Promise<readonly Cidr[]> {
  if (inputs.length === 0) return [];
  const driver = await context.drivers.of(network);
  const added = await furtherSubnets(context, draft, driver, network, inputs.map(parseSubnet));
  refuse(network, driver, added);
  planNetwork(context, draft, driver, { ...network, subnets: [...network.subnets, ...added] });
  return added.map(({ subnet }) => subnet);
}

/** Takes those of them away that nobody has an address of: the others, and all where the driver can't be had, are the network's own from now on. */
export async function dropSubnets(
  context: Context,
  draft: Draft,
  id: NetworkId,
  subnets: readonly Cidr[],
): Promise<void> {
  const network = subnets.length === 0 ? undefined : await draft.get<Network>(keys.network(id));
  const driver = network === undefined ? undefined : await context.drivers.find(network.driver);
  if (network === undefined || driver === undefined) return;
  const endpoints = await endpointsOfNetwork(draft, id);
  const loans = await loansOf(draft, network);
  const used = [...endpoints, ...loans].flatMap(({ addresses }) => addresses.map(({ address }) => ipOf(address)));
  const going = subnets.filter((subnet) => !used.some((ip) => contains(subnet, ip)));
  draft.recovery = "finish";
  for (const subnet of going) draft.delete(keys.cursor(id, subnet));
  const left = network.subnets.filter(({ subnet }) => !going.includes(subnet));
  planNetwork(context, draft, driver, { ...network, subnets: left });
}

/** Where nothing would lead from one subnet to the other, or others have a say. */
function refuse(network: Network, { traits }: AnyDriver, added: readonly Subnet[]): void {
  const { name, driver, scope, predefined, internal, realised, facts, subnets, options } = network;
  const families = new Set(subnets.map(({ subnet }) => familyOf(subnet)));
  const lacking = added.find(({ subnet }) => !families.has(familyOf(subnet)));
  const why =
    scope === "global" || facts.place !== undefined
      ? "that is shared with other hosts"
      : predefined || !realised
        ? "that is predefined"
        : internal || options["no-default-route"] === true
          ? "without a way from one subnet to the other"
          : traits.besideHost === true || options["unmanaged"] === true
            ? `of driver '${driver}' whose gateways aren't the host's`
            : lacking === undefined
              ? undefined
              : `without ${familyOf(lacking.subnet) === "ipv4" ? "IPv4" : "IPv6"}`;
  if (why === undefined) return;
  const which = added.map(({ subnet }) => subnet).join(", ");
  throw new NetkitError("UNSUPPORTED", `network '${name}' can't have ${which} as well: it is one ${why}`, {
    hint: "Have the network hand out the addresses.",
    details: { network: name },
  });
}
