import { familyOf } from "./address.ts";
import type { NetworkView } from "./driver.ts";
import { NetkitError } from "./errors.ts";
import { integer, type Option } from "./option.ts";

/** The option `mtu` of drivers that have it, by Docker's name, too. */
export function mtuOption(summary: string): Option<number> {
  return integer(summary, { min: 68, max: 65_535, value: "BYTES" }, { aliases: ["com.docker.network.driver.mtu"] });
}

/**
 * Below the least MTU of IPv6 (RFC 8200, section 5) the kernel drops IPv6 from a link without a word.
 * @throws NetkitError OPTION_INVALID
 */
export function refuseSmallMtu(
  { name, subnets }: Pick<NetworkView, "name" | "subnets">,
  mtu: number | undefined,
): void {
  if (mtu === undefined || mtu >= 1280 || subnets.every(({ subnet }) => familyOf(subnet) === "ipv4")) return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${name}' has IPv6, which needs an MTU of 1280 at least, not ${mtu}`,
    {
      hint: "Set -o mtu=1280 or more, or leave out IPv6.",
      details: { mtu },
    },
  );
}
