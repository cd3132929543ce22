import { familyOf, type Ip } from "@netkit/core";
import { encode, type Answer } from "dns-packet";
import type { Data } from "./reply.ts";
import { headerBytes, types } from "./wire.ts";

/** Bytes of a record of the root before its data: name, type, class, TTL, length. */
const recordBytes = 11;

/** What can be written as a name: labels of 1 to 63 bytes, 253 in all. */
const encodable = /^(?=[!-~]{1,253}$)[^.]{1,63}(?:\.[^.]{1,63})*$/;

/** Records of addresses that were asked for, which are few and asked for often. */
const known = new Map<Ip, Data>();
const maxKnown = 10_000;

export function addressData(address: Ip): Data {
  const found = known.get(address);
  if (found !== undefined) return found;
  const type = familyOf(address) === "ipv6" ? "AAAA" : "A";
  const made = { type: types[type], data: dataOf({ name: ".", type, data: address }) };
  if (known.size === maxKnown) known.clear();
  known.set(address, made);
  return made;
}

/** Undefined if the name can't be written. */
export function pointerData(name: string): Data | undefined {
  return encodable.test(name) ? { type: types.PTR, data: dataOf({ name: ".", type: "PTR", data: name }) } : undefined;
}

export function serviceData(target: string, port: number): Data {
  const data = dataOf({ name: ".", type: "SRV", data: { target, port, priority: 0, weight: 0 } });
  return { type: types.SRV, data };
}

function dataOf(answer: Answer): Buffer {
  return encode({ type: "response", answers: [answer] }).subarray(headerBytes + recordBytes);
}
