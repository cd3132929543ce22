/** etcd's messages, as far as they are used (etcd 3.4, api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto). */
import { big, flag, int, many, message, one, text, type Message } from "./protobuf.ts";

interface Header {
  readonly revision: number;
}

const header: Message<Header> = message({ revision: int(3) });

interface KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: string;
  /** 0: none. */
  readonly lease: bigint;
}

const keyValue: Message<KeyValue> = message({
  key: text(1),
  createRevision: int(2),
  modRevision: int(3),
  value: text(5),
  lease: big(6),
});

export interface RangeRequest {
  readonly key: string;
  /** Without it: the key alone. */
  readonly rangeEnd?: string;
  /** 0: all. */
  readonly limit?: number;
  /** 0: now. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
}

export const rangeRequest: Message<RangeRequest> = message({
  key: text(1),
  rangeEnd: text(2),
  limit: int(3),
  revision: int(4),
  keysOnly: flag(8),
  countOnly: flag(9),
  minModRevision: int(10),
});

export interface RangeResponse {
  readonly header?: Header;
  readonly kvs: readonly KeyValue[];
  /** Of the range, whatever was filtered out of `kvs`. */
  readonly count: number;
}

export const rangeResponse: Message<RangeResponse> = message({
  header: one(1, header),
  kvs: many(2, keyValue),
  count: int(4),
});

interface PutRequest {
  readonly key: string;
  readonly value: string;
  readonly lease?: bigint;
}

const putRequest: Message<PutRequest> = message({ key: text(1), value: text(2), lease: big(3) });

interface DeleteRangeRequest {
  readonly key: string;
}

const deleteRangeRequest: Message<DeleteRangeRequest> = message({ key: text(1) });

/** Of one key's last change: 0 is a key that isn't there. */
interface Compare {
  readonly target: number;
  readonly key: string;
  readonly modRevision: number;
}

/** Value of Compare.CompareTarget; the comparison itself is EQUAL, which is 0. */
export const compareMod = 2;

const compare: Message<Compare> = message({ target: int(2), key: text(3), modRevision: int(6) });

/** One of them. */
export interface RequestOp {
  readonly range?: RangeRequest;
  readonly put?: PutRequest;
  readonly deleteRange?: DeleteRangeRequest;
}

const requestOp: Message<RequestOp> = message({
  range: one(1, rangeRequest),
  put: one(2, putRequest),
  deleteRange: one(3, deleteRangeRequest),
});

interface ResponseOp {
  readonly range?: RangeResponse;
}

const responseOp: Message<ResponseOp> = message({ range: one(1, rangeResponse) });

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export const txnRequest: Message<TxnRequest> = message({
  compare: many(1, compare),
  success: many(2, requestOp),
  failure: many(3, requestOp),
});

export interface TxnResponse {
  readonly header?: Header;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export const txnResponse: Message<TxnResponse> = message({
  header: one(1, header),
  succeeded: flag(2),
  responses: many(3, responseOp),
});

interface WatchCreateRequest {
  readonly key: string;
  readonly rangeEnd: string;
  readonly startRevision: number;
}

const watchCreateRequest: Message<WatchCreateRequest> = message({
  key: text(1),
  rangeEnd: text(2),
  startRevision: int(3),
});

export interface WatchRequest {
  readonly create: WatchCreateRequest;
}

export const watchRequest: Message<WatchRequest> = message({ create: one(1, watchCreateRequest) });

interface Event {
  /** 0: put, 1: delete. */
  readonly type: number;
  readonly kv?: KeyValue;
}

const event: Message<Event> = message({ type: int(1), kv: one(2, keyValue) });

export interface WatchResponse {
  readonly canceled: boolean;
  /** Not 0: the history up to there is gone. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly events: readonly Event[];
}

export const watchResponse: Message<WatchResponse> = message({
  canceled: flag(4),
  compactRevision: int(5),
  cancelReason: text(6),
  events: many(11, event),
});

export interface LeaseGrantRequest {
  /** Seconds. */
  readonly ttl: number;
}

export const leaseGrantRequest: Message<LeaseGrantRequest> = message({ ttl: int(1) });

/** Of granting, renewing and asking for a lease alike. */
export interface LeaseResponse {
  readonly id: bigint;
  /** Seconds; 0 or less: it has ended. */
  readonly ttl: number;
}

export const leaseResponse: Message<LeaseResponse> = message({ id: big(2), ttl: int(3) });

/** Of renewing, revoking and asking for a lease alike. */
export interface LeaseRequest {
  readonly id: bigint;
}

export const leaseRequest: Message<LeaseRequest> = message({ id: big(1) });

export interface LeaseRevokeResponse {
  readonly header?: Header;
}

export const leaseRevokeResponse: Message<LeaseRevokeResponse> = message({ header: one(1, header) });

export interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

export const authenticateRequest: Message<AuthenticateRequest> = message({ name: text(1), password: text(2) });

export interface AuthenticateResponse {
  readonly token: string;
}

export const authenticateResponse: Message<AuthenticateResponse> = message({ token: text(2) });
