import {
  familyOf,
  isDockers,
  isNetkitError,
  NetkitError,
  type Cidr,
  type Ip,
  type Network,
  type Subnet,
} from "@netkit/core";
import type { Netkit, SubnetInput } from "@netkit/engine";
import { addressSpaces, gatewayOf } from "./ipam-driver.ts";

/** What Docker asks for of a network that netkit has (`-o netkit.network=NAME`). */
export interface Joining {
  readonly network: string;
  readonly internal: boolean;
  /** Absent: Docker has no part in its addresses (`--ipam-driver null`). */
  readonly subnets?: readonly AskedSubnet[];
}

type AskedSubnet = SubnetInput & {
  /** Whose IPAM gives out the addresses. */
  readonly space?: string | undefined;
};

/** How Docker gets a network that netkit has. */
function joiningLine(network: string): string {
  return `docker network create -d netkit --ipam-driver null -o netkit.network=${network} OTHER-NAME`;
}

/** The same where Docker is to know its subnets, which `docker run --ip` needs. */
function joiningLineOf(network: string, subnets: readonly string[]): string {
  const isDual = subnets.some((subnet) => familyOf(subnet as Cidr) === "ipv6");
  const words = [...(isDual ? ["--ipv6"] : []), ...subnets.map((subnet) => `--subnet ${subnet}`)];
  return `docker network create -d netkit --ipam-driver netkit ${words.join(" ")} -o netkit.network=${network} OTHER-NAME`;
}

/** Of a subnet that is a network's of netkit's already: how Docker gets that one. */
export async function withJoining(netkit: Netkit, error: NetkitError): Promise<NetkitError> {
  const { subnet } = error.details;
  const has = (network: Network): boolean => network.subnets.some((each) => each.subnet === subnet);
  const network = (await netkit.networks.list()).find((each) => has(each) && !isDockers(each));
  if (typeof subnet !== "string" || network === undefined) return error;
  return new NetkitError(error.code, error.message, {
    hint: `${error.hint ?? ""} Or have it be that network: ${joiningLineOf(network.name, [subnet])}`.trim(),
    details: error.details,
    cause: error,
  });
}

/**
 * The subnets that a network which is there is to have as well, of which Docker gives out addresses.
 * @throws NetkitError UNSUPPORTED, OPTION_INVALID: Docker would give out those that others have, or it would have to be changed
 */
export function furtherSubnets(network: Network, driver: string, joining: Joining): SubnetInput[] {
  // The plain name is for any of them.
  if (driver !== "bridge" && network.driver !== driver) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' is one of driver '${network.driver}'`, {
      hint: "Name the driver 'netkit', which is for all of them: docker network create -d netkit.",
    });
  }
  const own = network.subnets.map(({ subnet }) => subnet);
  if (own.length === 0 && network.predefined) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' has no subnet that a container could be on`, {
      hint: `Make one that has: netkit network create NAME; then ${joiningLine("NAME")}`,
    });
  }
  const { subnets = [] } = joining;
  const known = subnets.filter(({ subnet }) => own.some((each) => each === subnet));
  if (!known.every(isOurs)) {
    const message = `Docker's IPAM would give out addresses of network '${network.name}' that others have`;
    const asked = known.flatMap(({ subnet }) => subnet ?? []);
    throw new NetkitError("UNSUPPORTED", message, {
      hint: `${handingOut(network)}; for 'docker run --ip': ${joiningLineOf(network.name, asked)}`,
    });
  }
  refuseChanges(network, joining.internal, known);
  return subnets.flatMap((one) => {
    const { space: _, ...subnet } = one;
    return known.includes(one) ? [] : subnet;
  });
}

/** Of a network that can't have Docker's subnets: what can be done. */
export function withHandingOut(error: unknown, network: Network): unknown {
  if (!isNetkitError(error) || (error.code !== "UNSUPPORTED" && error.code !== "SUBNET_OVERLAP")) return error;
  return new NetkitError(error.code, error.message, {
    hint: handingOut(network),
    details: error.details,
    cause: error,
  });
}

function handingOut({ name }: Network): string {
  return `Have netkit give out the addresses: ${joiningLine(name)}`;
}

function isOurs({ space }: AskedSubnet): boolean {
  return space === undefined || addressSpaces.includes(space);
}

/** @throws NetkitError OPTION_INVALID */
function refuseChanges(network: Network, internal: boolean, subnets: readonly AskedSubnet[]): void {
  const changed = [
    ...(internal && !network.internal ? ["--internal"] : []),
    ...network.subnets.flatMap((own) => {
      const asked = subnets.find(({ subnet }) => subnet === own.subnet);
      return asked === undefined ? [] : changesOf(network, own, asked);
    }),
  ];
  if (changed.length === 0) return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${network.name}' is there already, and ${changed.join(", ")} can't be set`,
    { hint: `It stays as it is: netkit network inspect ${network.name}` },
  );
}

function changesOf(network: Network, own: Subnet, asked: SubnetInput): string[] {
  const gateway = own.gateway ?? gatewayOf({ subnet: own.subnet }, network);
  const isKept = ([name, ip]: readonly [string, string]): boolean => own.auxiliary[name] === (ip as Ip);
  return [
    ...(asked.gateway === undefined || asked.gateway === gateway ? [] : [`--gateway ${asked.gateway}`]),
    ...(asked.range === undefined || asked.range === own.range ? [] : [`--ip-range ${asked.range}`]),
    ...Object.entries(asked.auxiliary ?? {}).flatMap((one) => (isKept(one) ? [] : [`--aux-address ${one.join("=")}`])),
  ];
}
