import { hostname } from "node:os";
import {
  familyOf,
  ipOf,
  isNetkitError,
  NetkitError,
  parseIp,
  type Cidr,
  type HostId,
  type Ip,
  type LinkFacts,
  type SharedHost,
} from "@netkit/core";
import { contains } from "@netkit/ipam";
import type { Draft } from "../draft.ts";
import type { Opened } from "../host.ts";
import { readerOf } from "../lookup.ts";
import { newId } from "../new-id.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import type { Shared } from "./shared.ts";

const loopback: readonly Cidr[] = ["127.0.0.0/8" as Cidr, "::1/128" as Cidr];

/** This host as others know it, and the link that has its address on the underlay. */
export interface LocalHost extends SharedHost {
  readonly link: string;
  /** What it was told to advertise then. */
  readonly advertise?: string;
}

/** As it was when it was last looked at: the tunnels of all networks end at one address. */
export async function thisHost(context: Context, draft: Draft): Promise<LocalHost> {
  const known = await draft.get<LocalHost>(keys.self);
  if (known !== undefined) return known;
  const made = describeHost(await context.host.open(), context.shared, newId<HostId>());
  draft.put(keys.self, made);
  return made;
}

/** For a network that comes here: with the MTU that its link has by now. */
export async function thisHostNow(context: Context, draft: Draft): Promise<LocalHost> {
  const known = await thisHost(context, draft);
  const link = linkOf(await context.host.open(), known.vtep, known.link);
  if (link === undefined || link.mtu === known.mtu) return known;
  const now: LocalHost = { ...known, link: link.name, mtu: link.mtu };
  draft.put(keys.self, now);
  return now;
}

/**
 * What is to be advertised must be there, unless this host is known by it: then it has lost it, and may get it back.
 * @throws NetkitError LINK_NOT_FOUND, ARGUMENT_INVALID
 */
export async function refuseUnknown({ store, host, shared }: Context): Promise<void> {
  const { advertise } = shared.options;
  if (advertise === undefined) return;
  const known = await readerOf(store).get<LocalHost>(keys.self);
  const wasAdvertised = known !== undefined && [known.link, known.vtep].includes(advertise);
  if (wasAdvertised && !isLoopback(known.vtep)) return;
  describeHost(await host.open(), shared, newId<HostId>());
}

/**
 * @param preferred of several addresses of one link
 * @throws NetkitError LINK_NOT_FOUND, ARGUMENT_INVALID: the host hasn't what it is to advertise
 */
export function describeHost(
  host: Pick<Opened, "facts">,
  {
    options: { advertise, name },
    isOthers,
    file,
  }: Pick<Shared, "options" | "isOthers"> & Partial<Pick<Shared, "file">>,
  id: HostId,
  preferred?: Ip,
): LocalHost {
  const place = advertise === undefined ? uplinkOf(host, isOthers) : advertisedBy(host, advertise);
  const { link } = place;
  const isNamed = advertise !== undefined && parsed(advertise) !== undefined;
  const isThere = !isNamed && link.addresses.some((address) => ipOf(address) === preferred);
  const vtep = isThere && preferred !== undefined && !isLoopback(preferred) ? preferred : place.vtep;
  // A file says itself what each is reached by.
  if (isOthers && file === undefined && isLoopback(vtep)) throw leadsBack(advertise ?? link.name, vtep);
  const told = advertise === undefined ? {} : { advertise };
  return { id, name: name ?? hostname(), vtep, mtu: link.mtu, link: link.name, ...told };
}

function leadsBack(advertise: string, vtep: Ip): NetkitError {
  const what = advertise === vtep ? vtep : `'${advertise}', whose address is ${vtep},`;
  return new NetkitError("LINK_NOT_FOUND", `${what} leads every other host to itself`, {
    hint: "Name a link or an address by which others reach this host, as 'ip address' shows them: netkit agent --advertise LINK",
    details: { advertise },
  });
}

interface Place {
  readonly link: LinkFacts;
  readonly vtep: Ip;
}

/** A host that leads nowhere can be tried out alone. */
function uplinkOf(host: Pick<Opened, "facts">, isOthers: boolean): Place {
  const { uplink } = host.facts([{ fact: "uplink" }]);
  const vtep = uplink && routable(uplink.addresses);
  if (uplink !== undefined && vtep !== undefined) return { link: uplink, vtep };
  if (isOthers) {
    throw new NetkitError("LINK_NOT_FOUND", "this host has no default route whose link others could reach it by", {
      hint: "Name a link or one of its addresses: netkit agent --advertise LINK",
    });
  }
  const loopback = host.facts([{ fact: "link", name: "lo" }]).links["lo"];
  return { link: loopback ?? { name: "lo", kind: "", mtu: 65_536, addresses: [] }, vtep: "127.0.0.1" as Ip };
}

/** The address `advertise`, or those of the link. @throws NetkitError LINK_NOT_FOUND, ARGUMENT_INVALID */
export function addressesAdvertised(host: Pick<Opened, "facts">, advertise: string): Ip[] {
  const { link, vtep } = advertisedBy(host, advertise);
  return parsed(advertise) === undefined ? link.addresses.map(ipOf) : [vtep];
}

function advertisedBy(host: Pick<Opened, "facts">, advertise: string): Place {
  const address = parsed(advertise);
  if (address === undefined) {
    const link = host.facts([{ fact: "link", name: advertise }]).links[advertise];
    const vtep = link && routable(link.addresses);
    if (link !== undefined && vtep !== undefined) return { link, vtep };
    const what = link === undefined ? "this host has no link" : "no address is on the link";
    throw new NetkitError("LINK_NOT_FOUND", `${what} '${advertise}' that others could be told of`, {
      hint: "Name a link with an address, or one of this host's addresses, with --advertise.",
      details: { advertise },
    });
  }
  const link = linkOf(host, address);
  if (link !== undefined) return { link, vtep: address };
  throw new NetkitError("ARGUMENT_INVALID", `${address} is no address of this host, so that nobody can be told of it`, {
    hint: "Name one of those that 'ip address' shows, or a link, with --advertise.",
    details: { advertise },
  });
}

/**
 * The link of this host that has an address.
 * @param likely is looked at first: there may be a thousand others
 */
export function linkOf(host: Pick<Opened, "facts">, address: Ip, likely?: string): LinkFacts | undefined {
  const among = (names: readonly string[]): LinkFacts | undefined => {
    const { links } = host.facts(names.map((name) => ({ fact: "link", name })));
    return Object.values(links).find(({ addresses }) => addresses.some((own) => ipOf(own) === address));
  };
  const found = likely === undefined ? undefined : among([likely]);
  return found ?? among([...(host.facts([{ fact: "links" }]).names ?? []), "lo"]);
}

function parsed(text: string): Ip | undefined {
  try {
    return parseIp(text);
  } catch (error) {
    if (!isNetkitError(error)) throw error;
    return undefined;
  }
}

function isLoopback(ip: Ip): boolean {
  return loopback.some((range) => contains(range, ip));
}

/** The first address that others reach, of IPv4 if there is one; else the first that this host has for itself. */
function routable(addresses: readonly Cidr[]): Ip | undefined {
  const all = addresses.map(ipOf).filter((ip) => familyOf(ip) === "ipv4" || !contains("fe80::/10" as Cidr, ip));
  const others = all.filter((ip) => !isLoopback(ip));
  const found = others.length > 0 ? others : all;
  return found.find((ip) => familyOf(ip) === "ipv4") ?? found[0];
}
