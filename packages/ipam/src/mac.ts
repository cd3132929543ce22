import { createHash } from "node:crypto";
import { familyOf, type Ip, type Mac } from "@netkit/core";
import { addressKey } from "./address.ts";

/**
 * The MAC of an endpoint, locally administered (IEEE 802): the second byte says what the other four are of. It follows
 * from the address, so that neighbours' caches stay right when an address is used again: its IPv4 address (6e), a digest
 * of its IPv6 address (6f), or the first digits of the endpoint's id (6d).
 */
export function macOfAddress(ip: Ip | undefined, endpointId: string): Mac {
  if (ip === undefined) return mac("6d", endpointId);
  if (familyOf(ip) === "ipv4") return mac("6e", addressKey(ip));
  return mac("6f", createHash("sha256").update(ip).digest("hex").slice(-8));
}

function mac(kind: string, digits: string): Mac {
  return `02:${kind}:${digits.slice(0, 8).replaceAll(/(..)(?=.)/g, "$1:")}` as Mac;
}
