import type { Ip, Subnet } from "@netkit/core";
import { ipToBigint, spanOf, usableSpanOf, type Span } from "./address.ts";

/** The addresses that can be handed out by turns: the range if there is one, without those that no interface can have. */
export function assignableSpan({ subnet, range }: Subnet): Span {
  const usable = usableSpanOf(subnet);
  if (range === undefined) return usable;
  const { family, first, last } = spanOf(range);
  return {
    family,
    first: first > usable.first ? first : usable.first,
    last: last < usable.last ? last : usable.last,
  };
}

/** What an address within the subnet is kept for, in words, or undefined if a sandbox may have it. */
export function reservationOf(plan: Subnet, address: Ip): string | undefined {
  const { subnet, gateway, auxiliary } = plan;
  if (address === gateway) return `the gateway of ${subnet}`;
  const name = Object.entries(auxiliary).find(([, reserved]) => reserved === address)?.[0];
  if (name !== undefined) return `the auxiliary address '${name}' of ${subnet}`;
  const { family, first, last } = usableSpanOf(subnet);
  const value = ipToBigint(address);
  if (value < first) return `the ${family === "ipv4" ? "network" : "subnet-router anycast"} address of ${subnet}`;
  if (value > last) return `the broadcast address of ${subnet}`;
  return undefined;
}

/** The reserved addresses within {@link assignableSpan}: gateway and auxiliary. */
export function reservedWithin(plan: Subnet): ReadonlySet<bigint> {
  const { first, last } = assignableSpan(plan);
  const addresses = [...(plan.gateway === undefined ? [] : [plan.gateway]), ...Object.values(plan.auxiliary)];
  return new Set(addresses.map(ipToBigint).filter((value) => first <= value && value <= last));
}

/** How many addresses can be handed out by turns in all, those in use included. */
export function countAssignable(plan: Subnet): bigint {
  const { first, last } = assignableSpan(plan);
  return last < first ? 0n : last - first + 1n - BigInt(reservedWithin(plan).size);
}
