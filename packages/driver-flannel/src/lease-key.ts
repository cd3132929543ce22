import { isNetkitError, parseCidr, subnetOf, type Cidr } from "@netkit/core";

/** The subnets of one lease: its key says them. */
export interface Leased {
  readonly ipv4: Cidr;
  readonly ipv6?: Cidr;
}

/** What the keys of leases begin with, below flannel's prefix. */
export const leasesPrefix = "subnets/";

/** `subnets/10.5.34.0-24`, with IPv6 `subnets/10.5.34.0-24&fd00:5:34::-64`. */
export function leaseKey({ ipv4, ipv6 }: Leased): string {
  return (
    leasesPrefix + [ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map((subnet) => subnet.replace("/", "-")).join("&")
  );
}

/** Undefined for a key that isn't of a lease. */
export function parseLeaseKey(key: string): Leased | undefined {
  const [, ip, length, ip6, length6] = /^subnets\/(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/.exec(key) ?? [];
  if (ip === undefined) return undefined;
  try {
    const ipv4 = parseCidr(`${ip}/${length}`);
    const ipv6 = ip6 === undefined ? undefined : parseCidr(`${ip6}/${length6}`);
    // A host's part begins where its key says.
    if (![ipv4, ipv6].every((subnet) => subnet === undefined || subnet === subnetOf(subnet))) return undefined;
    return { ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) };
  } catch (error) {
    if (isNetkitError(error)) return undefined;
    throw error;
  }
}

/** The one or two subnets. */
export function subnetsOf({ ipv4, ipv6 }: Leased): readonly Cidr[] {
  return ipv6 === undefined ? [ipv4] : [ipv4, ipv6];
}
