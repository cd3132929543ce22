import {
  authenticateRequest,
  authenticateResponse,
  leaseGrantRequest,
  leaseRequest,
  leaseResponse,
  leaseRevokeResponse,
  rangeRequest,
  rangeResponse,
  txnRequest,
  txnResponse,
  watchRequest,
  watchResponse,
  type AuthenticateRequest,
  type AuthenticateResponse,
  type LeaseGrantRequest,
  type LeaseRequest,
  type LeaseResponse,
  type LeaseRevokeResponse,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
  type WatchResponse,
} from "./messages.ts";
import type { Message } from "./protobuf.ts";

/** A method of etcd's gRPC services. */
export interface Rpc<Request, Response> {
  readonly path: string;
  readonly request: Message<Request>;
  readonly response: Message<Response>;
}

function rpc<Request, Response>(
  path: string,
  request: Message<Request>,
  response: Message<Response>,
): Rpc<Request, Response> {
  return { path: `/etcdserverpb.${path}`, request, response };
}

export const range: Rpc<RangeRequest, RangeResponse> = rpc("KV/Range", rangeRequest, rangeResponse);
export const txn: Rpc<TxnRequest, TxnResponse> = rpc("KV/Txn", txnRequest, txnResponse);
export const watch: Rpc<WatchRequest, WatchResponse> = rpc("Watch/Watch", watchRequest, watchResponse);
export const leaseGrant: Rpc<LeaseGrantRequest, LeaseResponse> = rpc(
  "Lease/LeaseGrant",
  leaseGrantRequest,
  leaseResponse,
);
export const leaseRevoke: Rpc<LeaseRequest, LeaseRevokeResponse> = rpc(
  "Lease/LeaseRevoke",
  leaseRequest,
  leaseRevokeResponse,
);
/** A stream in both directions; netkit asks once per stream. */
export const leaseKeepAlive: Rpc<LeaseRequest, LeaseResponse> = rpc(
  "Lease/LeaseKeepAlive",
  leaseRequest,
  leaseResponse,
);
export const leaseTimeToLive: Rpc<LeaseRequest, LeaseResponse> = rpc(
  "Lease/LeaseTimeToLive",
  leaseRequest,
  leaseResponse,
);
export const authenticate: Rpc<AuthenticateRequest, AuthenticateResponse> = rpc(
  "Auth/Authenticate",
  authenticateRequest,
  authenticateResponse,
);
