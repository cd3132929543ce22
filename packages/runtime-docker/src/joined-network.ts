import { NetkitError, type Ip, type Network, type Subnet } from "@netkit/core";
import type { SubnetInput } from "@netkit/engine";
import { addressSpaces, gatewayOf } from "./ipam-driver.ts";

/** What Docker asks for of a network that netkit has (`-o netkit.network=NAME`). */
export interface Joining {
  readonly network: string;
  readonly internal: boolean;
  readonly subnets: readonly (SubnetInput & {
    /** Whose IPAM gives out the addresses. */
    readonly space?: string | undefined;
  })[];
}

/** How Docker gets a network that netkit has. */
export function joiningLine(network: string, subnets: readonly string[]): string {
  const named = subnets.map((subnet) => ` --subnet ${subnet}`).join("");
  return `docker network create -d netkit --ipam-driver netkit${named} -o netkit.network=${network} OTHER-NAME`;
}

/**
 * Refuses a network that is there where the addresses that Docker would give out are none of its own, and what it would have to
 * be changed for.
 * @throws NetkitError UNSUPPORTED, OPTION_INVALID
 */
export function refuseMisfit(network: Network, driver: string, joining: Joining): void {
  // The plain name is for any of them.
  if (driver !== "bridge" && network.driver !== driver) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' is one of driver '${network.driver}'`, {
      hint: "Name the driver 'netkit', which is for all of them: docker network create -d netkit.",
    });
  }
  const own = network.subnets.map(({ subnet }) => subnet);
  if (own.length === 0) {
    throw new NetkitError(
      "UNSUPPORTED",
      `network '${network.name}' has no subnet that Docker could give addresses of`,
      {
        hint: `Make one that has: netkit network create NAME; then see 'netkit network inspect NAME', and ${joiningLine("NAME", ["SUBNET"])}`,
      },
    );
  }
  const hint = `Have netkit give out the addresses: ${joiningLine(network.name, own)}`;
  const { subnets } = joining;
  const foreign = subnets.find(({ subnet }) => subnet === undefined || !own.some((each) => each === subnet));
  if (foreign !== undefined || subnets.length === 0) {
    const what = foreign?.subnet ?? "what Docker would give out";
    throw new NetkitError("UNSUPPORTED", `${what} is no subnet of network '${network.name}' (${own.join(", ")})`, {
      hint: subnets.every(isOurs)
        ? `Name the network's own: ${joiningLine(network.name, own)}`
        : `Docker's IPAM has chosen it. ${hint}`,
    });
  }
  if (!subnets.every(isOurs)) {
    const message = `Docker's IPAM would give out addresses of network '${network.name}' that others have`;
    throw new NetkitError("UNSUPPORTED", message, { hint });
  }
  refuseChanges(network, joining);
}

function isOurs({ space }: Joining["subnets"][number]): boolean {
  return space === undefined || addressSpaces.includes(space);
}

/** @throws NetkitError OPTION_INVALID */
function refuseChanges(network: Network, { internal, subnets }: Joining): void {
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
