import {
  familyOf,
  isAnotherEngines,
  isNetkitError,
  NetkitError,
  parseIp,
  prefixLengthOf,
  type Cidr,
  type Endpoint,
  type EndpointAddress,
  type EndpointId,
  type Family,
  type Ip,
  type Network,
} from "@netkit/core";
import { addressKey, allocateAddress, checkStaticAddress, contains } from "@netkit/ipam";
import type { EndpointRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { sandboxOf } from "./lookup.ts";
import { addressKeyOf } from "./networks.ts";
import { refuseOthersPart } from "./shared/own-part.ts";
import { keys, type AddressHolder } from "./state.ts";

const familyNames: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/**
 * An address of each of `families` that the network has: the one asked for, or the next free one; then further ones that were
 * asked for. `reused` if one that the MAC doesn't follow from may have been another endpoint's.
 */
export async function assignAddresses(
  draft: Draft,
  network: Network,
  request: EndpointRequest,
  id: EndpointId,
  families: readonly Family[],
): Promise<{ readonly addresses: readonly EndpointAddress[]; readonly reused: boolean }> {
  const wanted = staticAddresses(network, request, families);
  const assigned: EndpointAddress[] = [];
  let anyReused = false;
  for (const family of families) {
    const subnets = network.subnets.filter(({ subnet }) => familyOf(subnet) === family);
    if (subnets.length === 0) continue;
    for (const fixed of wanted[family]) {
      const { ip, subnet, reused } =
        fixed === undefined
          ? await nextAddress(draft, network, subnets)
          : await staticAddress(draft, network, subnets, fixed, isAnotherEngines(request));
      const { gateway } = subnet;
      anyReused ||= assigned.length > 0 && reused;
      assigned.push({
        address: `${ip}/${prefixLengthOf(subnet.subnet)}` as Cidr,
        ...(gateway === undefined ? {} : { gateway }),
      });
      draft.put(addressKeyOf(network.id, ip), { endpoint: id, ip } satisfies AddressHolder);
    }
  }
  return { addresses: assigned, reused: anyReused };
}

const linkLocalRanges: readonly Cidr[] = ["169.254.0.0/16" as Cidr, "fe80::/64" as Cidr];

/**
 * Link-local addresses (RFC 3927, RFC 4291 section 2.5.6) that were asked for: they are their user's choice, and unique in
 * the network all the same.
 */
export async function takeLinkLocal(
  draft: Draft,
  network: Network,
  texts: readonly string[],
  id: EndpointId,
  families: readonly Family[],
): Promise<Cidr[]> {
  const taken: Cidr[] = [];
  for (const text of texts) {
    const ip = parseIp(text);
    const range = linkLocalRanges.find((candidate) => contains(candidate, ip));
    if (range === undefined) {
      throw new NetkitError("ADDRESS_INVALID", `${ip} is no link-local address`, {
        hint: `Choose one of ${linkLocalRanges.join(" or ")}; --ip and --ip6 take addresses of the network.`,
        details: { address: ip },
      });
    }
    refuseFamily(ip, families);
    await refuseTaken(draft, network, ip);
    draft.put(addressKeyOf(network.id, ip), { endpoint: id, ip } satisfies AddressHolder);
    taken.push(`${ip}/${prefixLengthOf(range)}` as Cidr);
  }
  return taken;
}

/** Of each family the first may be left to be chosen. */
function staticAddresses(
  network: Network,
  request: EndpointRequest,
  families: readonly Family[],
): Record<Family, (Ip | undefined)[]> {
  const wanted: Record<Family, (Ip | undefined)[]> = { ipv4: [undefined], ipv6: [undefined] };
  for (const [family, text] of [
    ["ipv4", request.ip],
    ["ipv6", request.ip6],
  ] as const) {
    if (text === undefined) continue;
    const ip = parseIp(text);
    if (familyOf(ip) !== family) {
      throw new NetkitError("ADDRESS_INVALID", `${ip} is not an ${familyNames[family]} address`, {
        hint: `Give it with --${family === "ipv4" ? "ip6" : "ip"}.`,
      });
    }
    refuseStatic(network, ip, families);
    wanted[family] = [ip];
  }
  for (const text of request.furtherIps ?? []) {
    const ip = parseIp(text);
    refuseStatic(network, ip, families);
    wanted[familyOf(ip)].push(ip);
  }
  return wanted;
}

/** @throws NetkitError ARGUMENT_INVALID, UNSUPPORTED, ADDRESS_OUTSIDE */
function refuseStatic(network: Network, ip: Ip, families: readonly Family[]): void {
  refuseFamily(ip, families);
  if (network.predefined) {
    throw new NetkitError("UNSUPPORTED", `${ip} can't be had: the predefined '${network.name}' chooses by itself`, {
      hint: "Create a network of your own for static addresses: netkit network create",
      details: { network: network.name, address: ip },
    });
  }
  const family = familyOf(ip);
  if (network.subnets.some(({ subnet }) => familyOf(subnet) === family)) return;
  throw new NetkitError("ADDRESS_OUTSIDE", `network '${network.name}' has no ${familyNames[family]} subnet for ${ip}`, {
    hint: `Networks have ${familyNames[family]} ${family === "ipv6" ? "with 'network create --ipv6'" : "without 'network create --ipv4=false'"}: make one, or leave the address out.`,
    details: { network: network.name, address: ip },
  });
}

/** @throws NetkitError ARGUMENT_INVALID */
function refuseFamily(ip: Ip, families: readonly Family[]): void {
  const family = familyOf(ip);
  if (families.includes(family)) return;
  throw new NetkitError("ARGUMENT_INVALID", `${ip} can't be had where a sysctl turns ${familyNames[family]} off`, {
    hint: "Leave out the address or the sysctl.",
    details: { address: ip },
  });
}

type Assigned = { ip: Ip; subnet: Network["subnets"][number]; reused: boolean };

/** @param takesOver an address that is kept is this one's */
export async function staticAddress(
  draft: Draft,
  network: Network,
  subnets: Network["subnets"],
  ip: Ip,
  takesOver = false,
): Promise<Assigned> {
  const subnet = checkStaticAddress(subnets, ip, `network '${network.name}'`);
  await refuseTaken(draft, network, ip, takesOver);
  refuseOthersPart(network, subnet, ip);
  return { ip, subnet, reused: true };
}

async function refuseTaken(draft: Draft, network: Network, ip: Ip, takesOver = false): Promise<void> {
  const holder = await draft.get<AddressHolder>(addressKeyOf(network.id, ip));
  if (holder === undefined) return;
  if (takesOver && holder.kept === true) return draft.delete(keys.loan(network.id, ip));
  const endpoint = holder.who === undefined ? await draft.get<Endpoint>(keys.endpoint(holder.endpoint)) : undefined;
  const name =
    endpoint === undefined
      ? (holder.who ?? "another endpoint")
      : `sandbox '${(await sandboxOf(draft, endpoint.sandbox)).name}'`;
  throw new NetkitError("ADDRESS_TAKEN", `address ${ip} is in use by ${name}`, {
    hint: "Choose another one, or leave it out to get a free one.",
    details: { address: ip, network: network.name },
  });
}

/**
 * Of several subnets the first with room gives it.
 * @param hostsHave whether each host of the network has an address of its own
 * @throws NetkitError POOL_EXHAUSTED
 */
export async function nextAddress(
  draft: Draft,
  network: Network,
  subnets: Network["subnets"],
  hostsHave: boolean = (network.share?.host?.addresses.length ?? 0) > 0,
): Promise<Assigned> {
  let full: unknown;
  for (const subnet of subnets) {
    const prefix = keys.address(network.id, `${familyOf(subnet.subnet)}/`);
    const cursorKey = keys.cursor(network.id, subnet.subnet);
    try {
      const cursor = await draft.get<Ip>(cursorKey);
      const ip = await allocateAddress({
        subnet,
        cursor,
        taken: async (from, limit) =>
          (await draft.range(prefix, { from: prefix + from, limit })).map(({ key }) => key.slice(prefix.length)),
      });
      draft.put(cursorKey, ip);
      return { ip, subnet, reused: cursor !== undefined && addressKey(ip) <= addressKey(cursor) };
    } catch (error) {
      full = error;
    }
  }
  if (!isNetkitError(full) || full.code !== "POOL_EXHAUSTED") throw full;
  const perHost = "Each host with a sandbox on the network has an address of its own in each subnet. ";
  throw new NetkitError(full.code, `network '${network.name}' is full: ${full.message}`, {
    hint: `${hostsHave ? perHost : ""}${full.hint}`,
    details: full.details,
    cause: full,
  });
}
