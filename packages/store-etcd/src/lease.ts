import type { Lease, LeaseId } from "@netkit/core";
import type { Cluster } from "./cluster.ts";
import { StatusError, statuses } from "./grpc.ts";
import { leaseKeepAlive, leaseRevoke } from "./rpc.ts";

export class EtcdLease implements Lease {
  readonly id: LeaseId;
  readonly #cluster: Cluster;
  readonly #number: bigint;

  constructor(cluster: Cluster, number: bigint) {
    this.id = leaseId(number);
    this.#cluster = cluster;
    this.#number = number;
  }

  async renew(): Promise<boolean> {
    return (await this.#cluster.call(leaseKeepAlive, { id: this.#number }, true)).ttl > 0;
  }

  async revoke(): Promise<void> {
    try {
      await this.#cluster.call(leaseRevoke, { id: this.#number }, true);
    } catch (error) {
      if (!(error instanceof StatusError) || error.status !== statuses.notFound) throw error;
    }
  }
}

export function leaseId(number: bigint): LeaseId {
  return String(number) as LeaseId;
}

/** etcd's number of a lease; 1, which no lease ever has, for what is none of etcd's. */
export function leaseNumber(id: LeaseId): bigint {
  return /^[1-9]\d{0,18}$/.test(id) ? BigInt(id) : 1n;
}
