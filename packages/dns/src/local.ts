import type { Ip } from "@netkit/core";
import { addressData, pointerData, serviceData } from "./data.ts";
import type { Names } from "./names.ts";
import type { Data } from "./reply.ts";
import { addressOf } from "./reverse.ts";
import { rcodes, types } from "./wire.ts";

export interface LocalAnswer {
  readonly rcode: number;
  readonly records: readonly Data[];
}

/** Known, and nothing of that type: never forwarded, for nobody else knows more about the name. */
const empty: LocalAnswer = { rcode: rcodes.NOERROR, records: [] };
const missing: LocalAnswer = { rcode: rcodes.NXDOMAIN, records: [] };

const service = /^_([^.]+)\._(tcp|udp|sctp)\.(.+)$/;

/** What a client's own names say; undefined: nothing. */
export function localAnswer(names: Names, name: string, type: number): LocalAnswer | undefined {
  const addresses = names.addresses(name);
  if (addresses !== undefined) return found(addressRecords(addresses, type));
  const other = name.startsWith("_") ? serviceAnswer(names, name, type) : pointerAnswer(names, name, type);
  return other ?? (names.owns?.(name) === true ? missing : undefined);
}

function found(records: readonly Data[]): LocalAnswer {
  return records.length === 0 ? empty : { rcode: rcodes.NOERROR, records };
}

/** In random order, so that clients that take the first spread over all. ANY gets the addresses (RFC 8482, section 4.1). */
function addressRecords(addresses: readonly Ip[], type: number): Data[] {
  if (type !== types.A && type !== types.AAAA && type !== types.ANY) return [];
  const records: Data[] = [];
  for (const address of addresses) {
    const data = addressData(address);
    if (type === types.ANY || data.type === type) records.push(data);
  }
  for (let last = records.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [records[last], records[other]] = [records[other] as Data, records[last] as Data];
  }
  return records;
}

/** `_8080._tcp.web` and `_http._tcp.web` (RFC 2782): one record, whose target is the name with all its addresses. */
function serviceAnswer(names: Names, name: string, type: number): LocalAnswer | undefined {
  const [, label = "", protocol, target = ""] = service.exec(name) ?? [];
  if (protocol === undefined || names.addresses(target) === undefined) return undefined;
  const port = /^\d+$/.test(label) ? Number(label) : names.port?.(target, label, protocol as "tcp" | "udp" | "sctp");
  if (port === undefined || port < 1 || port > 0xffff) return missing;
  return type === types.SRV || type === types.ANY ? found([serviceData(target, port)]) : empty;
}

function pointerAnswer(names: Names, name: string, type: number): LocalAnswer | undefined {
  const address = addressOf(name);
  const target = address === undefined ? undefined : names.pointer(address);
  if (target === undefined) return undefined;
  const record = type === types.PTR || type === types.ANY ? pointerData(target) : undefined;
  return record === undefined ? empty : found([record]);
}
