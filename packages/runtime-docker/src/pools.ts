import { NetkitError, parseCidr, type Cidr } from "@netkit/core";

/** A subnet as Docker's IPAM asks for it, with the part that addresses are handed out of. */
export interface Pool {
  readonly subnet: Cidr;
  readonly range?: Cidr;
  /** netkit has chosen it: Docker takes any addresses for it. */
  readonly chosen?: true;
}

/**
 * Pools that Docker holds and that are no network's yet: it asks for one before it makes the network, whose subnets then say all.
 * They are lost with the process, and Docker's request with them; nothing else knows of them.
 */
export class Pools {
  /** By id; one that is asked for twice has to be released twice. */
  readonly #held = new Map<string, { readonly pool: Pool; count: number }>();

  hold(pool: Pool): string {
    const id = poolId(pool);
    const held = this.#held.get(id);
    if (held === undefined) this.#held.set(id, { pool, count: 1 });
    else held.count++;
    return id;
  }

  release(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.count--;
    if (held.count === 0) this.#held.delete(id);
  }

  /** Of a network that has been made, whose subnet it is from now on. */
  settle(subnet: Cidr): void {
    for (const [id, { pool }] of this.#held) if (pool.subnet === subnet) this.release(id);
  }

  /** The pool of that subnet, as it was asked for last. */
  find(subnet: Cidr): Pool | undefined {
    return [...this.#held.values()].findLast(({ pool }) => pool.subnet === subnet)?.pool;
  }

  get subnets(): Cidr[] {
    return [...this.#held.values()].map(({ pool }) => pool.subnet);
  }
}

/** Says all that there is to know of it once it is a network's, so that it means the same to another process. */
function poolId({ subnet, range }: Pool): string {
  return range === undefined ? subnet : `${subnet},${range}`;
}

/** @throws NetkitError ARGUMENT_INVALID */
export function parsePoolId(id: string): Pool {
  const [subnet = "", range] = id.split(",");
  try {
    return { subnet: parseCidr(subnet), ...(range === undefined ? {} : { range: parseCidr(range) }) };
  } catch (cause) {
    throw new NetkitError("ARGUMENT_INVALID", `${JSON.stringify(id.slice(0, 100))} is no pool of netkit's`, { cause });
  }
}
