import { NetkitError, type Ip, type Subnet } from "@netkit/core";
import { bigintToIp, contains, ipToBigint, keyOf } from "./address.ts";
import { assignableSpan, countAssignable, reservationOf, reservedWithin } from "./reserved.ts";

const pageSize = 256;

export interface AllocationRequest {
  readonly subnet: Subnet;
  /** The address handed out last. The search starts after it and comes round; absent: from the first. */
  readonly cursor?: Ip | undefined;
  /**
   * The addresses of the subnet that are in use, as `addressKey` writes them: the first `limit` that sort at or after
   * `from`, ascending. Fewer than `limit` mean that there are no more.
   */
  readonly taken: (from: string, limit: number) => Promise<readonly string[]>;
}

/**
 * A free address of the subnet (of its range, if it has one): the next one after the cursor. Gateway and auxiliary
 * addresses are never handed out. Reads the run of addresses in use after the cursor and no more, in pages of 256.
 * @throws NetkitError POOL_EXHAUSTED
 */
export async function allocateAddress({ subnet, cursor, taken }: AllocationRequest): Promise<Ip> {
  const { family, first, last } = assignableSpan(subnet);
  const reserved = reservedWithin(subnet);

  const search = async (from: bigint, to: bigint): Promise<bigint | undefined> => {
    let candidate = skip(from, reserved);
    while (candidate <= to) {
      const page = await taken(keyOf(candidate, family), pageSize);
      const free = nextFree(candidate, page, reserved);
      if (free.certain || page.length < pageSize) return free.candidate <= to ? free.candidate : undefined;
      candidate = free.candidate;
    }
    return undefined;
  };

  const previous = cursor === undefined ? undefined : ipToBigint(cursor);
  const start = previous === undefined || previous < first || previous >= last ? first : previous + 1n;
  const found = (await search(start, last)) ?? (start > first ? await search(first, start - 1n) : undefined);
  if (found !== undefined) return bigintToIp(found, family);

  const where = subnet.range === undefined ? subnet.subnet : `range ${subnet.range} of ${subnet.subnet}`;
  const count = countAssignable(subnet);
  const what = count === 1n ? `the one address of ${where} is` : `all ${count} addresses of ${where} are`;
  throw new NetkitError("POOL_EXHAUSTED", `${what} in use`, {
    hint: "Disconnect sandboxes that aren't needed, or use a network with a larger subnet.",
    details: { subnet: subnet.subnet, range: subnet.range },
  });
}

/**
 * A place in what {@link allocateAddress} hands out, for a cursor.
 * @param fraction from 0, its beginning, to less than 1
 */
export function addressWithin(subnet: Subnet, fraction: number): Ip {
  const { family, first, last } = assignableSpan(subnet);
  // All 53 bits that a fraction has.
  const steps = 2 ** 53;
  const offset = (BigInt(Math.floor(fraction * steps)) * (last - first + 1n)) / BigInt(steps);
  return bigintToIp(first + offset, family);
}

/** The first address from `candidate` on that is neither reserved nor on the page; certain if the page goes beyond it. */
function nextFree(
  candidate: bigint,
  page: readonly string[],
  reserved: ReadonlySet<bigint>,
): { candidate: bigint; certain: boolean } {
  let free = candidate;
  for (const key of page) {
    const used = BigInt(`0x${key}`);
    if (used > free) return { candidate: free, certain: true };
    if (used === free) free = skip(free + 1n, reserved);
  }
  return { candidate: free, certain: false };
}

function skip(candidate: bigint, reserved: ReadonlySet<bigint>): bigint {
  let next = candidate;
  while (reserved.has(next)) next++;
  return next;
}

/**
 * The subnet that a static address lies in. It may lie outside the subnet's range. Whether a sandbox has it already is
 * the store's to say.
 * @param whose subnets they are, in words
 * @throws NetkitError ADDRESS_OUTSIDE; ADDRESS_TAKEN when it is reserved, with what for
 */
export function checkStaticAddress(subnets: readonly Subnet[], ip: Ip, whose = "the network"): Subnet {
  const found = subnets.find(({ subnet }) => contains(subnet, ip));
  if (found === undefined) {
    const all = subnets.map(({ subnet }) => subnet);
    throw new NetkitError("ADDRESS_OUTSIDE", `address ${ip} lies in no subnet of ${whose}`, {
      hint: all.length === 0 ? "The network has no addresses." : `Choose one of ${all.join(" or ")}.`,
      details: { address: ip, subnets: all },
    });
  }
  const reserved = reservationOf(found, ip);
  if (reserved !== undefined) {
    throw new NetkitError("ADDRESS_TAKEN", `address ${ip} is ${reserved}`, {
      hint: `Choose another address of ${found.subnet}, or let netkit choose.`,
      details: { address: ip, reserved },
    });
  }
  return found;
}
