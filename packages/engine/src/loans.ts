import { ipOf, isNetkitError, NetkitError, type EndpointAddress, type EndpointId, type Network } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import { assignAddresses } from "./addresses.ts";
import type { Finding, Loan, LoanRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import type { Reader } from "./lookup.ts";
import { addressKeyOf } from "./networks.ts";
import type { Context } from "./operation.ts";
import { keys, type AddressHolder } from "./state.ts";
import { identify } from "./new-namespace.ts";
import { awaitedMs, locate } from "./whereabouts.ts";

/** A loan as stored: whoever had it is gone with the boot. */
interface Lent extends Loan {
  readonly boot: string;
  /** Nobody has it: it is for an endpoint that another engine will ask for, and called as its address. */
  readonly kept?: true;
  /** The namespace that has the addresses, and its cookie; absent: it isn't known. */
  readonly place?: { readonly path: string; readonly cookie: string };
}

/** @throws NetkitError UNSUPPORTED, NAME_TAKEN, as for endpoints */
export async function lend(context: Context, draft: Draft, network: Network, request: LoanRequest): Promise<Loan> {
  const { holder, labels = {} } = request;
  // What is kept is of no use for long, and lost with the power it is lost to all.
  if (holder === undefined) draft.durable = false;
  else {
    await refuseUnfit(context, network);
    await refuseTaken(draft, network, holder);
  }
  const addresses = await chosen(draft, network, request);
  const ips = addresses.map(({ address }) => ipOf(address));
  const name = holder ?? ips.join();
  const owner = holder === undefined ? ({ who: "another engine", kept: true } as const) : { who: `'${holder}'` };
  for (const ip of ips)
    draft.put(addressKeyOf(network.id, ip), { endpoint: nobody, ip, ...owner } satisfies AddressHolder);
  const loan = { holder: name, created: new Date().toISOString(), addresses, labels };
  const place = request.netns === undefined ? undefined : await placeAt(context, request.netns);
  const lent: Lent = {
    ...loan,
    boot: bootId(),
    ...(holder === undefined ? { kept: true } : {}),
    ...(place === undefined ? {} : { place }),
  };
  draft.put(keyOf(network, name), lent);
  return loan;
}

/** Who lends for others may know a path that isn't this host's. */
async function placeAt(context: Context, netns: string): Promise<Lent["place"]> {
  try {
    const { path, cookie } = await identify(context, { netns });
    return { path, cookie };
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "NAMESPACE_NOT_FOUND") throw error;
    return undefined;
  }
}

/** Undefined: the holder has nothing. */
export async function takeBack(draft: Draft, network: Network, holder: string): Promise<Loan | undefined> {
  const key = keyOf(network, holder);
  const loan = await draft.get<Lent>(key);
  if (loan === undefined) return undefined;
  if (loan.kept === true) draft.durable = false;
  draft.delete(key);
  for (const { address } of loan.addresses) draft.delete(addressKeyOf(network.id, ipOf(address)));
  return loan;
}

/** Those that somebody has. */
export async function loansOf(reader: Reader, network: Network): Promise<Loan[]> {
  return (await lentOf(reader, network)).filter(({ kept }) => kept !== true);
}

async function lentOf(reader: Reader, { id }: Network): Promise<Lent[]> {
  return (await reader.range<Lent>(keys.loan(id, ""))).map(({ value }) => value);
}

/** Takes back what was lent before this boot. */
export async function takeBackAll(draft: Draft): Promise<void> {
  for (const { value: network } of await draft.range<Network>("network/")) {
    for (const { boot, holder } of await lentOf(draft, network))
      if (boot !== bootId()) await takeBack(draft, network, holder);
  }
}

/** Of a network that goes: nobody will come for them. */
export async function takeBackKept(draft: Draft, network: Network): Promise<void> {
  for (const { kept, holder } of await lentOf(draft, network))
    if (kept === true) await takeBack(draft, network, holder);
}

/** Kept addresses that somebody should have come for, and lent ones whose namespace is gone. */
export async function unclaimedAddresses(reader: Reader): Promise<Finding[]> {
  return (await unclaimed(reader)).map(({ network, loan: { addresses, holder, kept } }): Finding => {
    const ips = addresses.map(({ address }) => ipOf(address)).join(" and ");
    const object = `address ${ips} of network ${network.name}`;
    const why =
      kept === true
        ? "is kept for an engine that has not come for it"
        : `is lent to '${holder}', whose namespace is gone`;
    return { problem: "gone", object, message: `${object} ${why}`, repairable: true };
  });
}

export async function takeBackUnclaimed(draft: Draft): Promise<void> {
  for (const { network, loan } of await unclaimed(draft)) await takeBack(draft, network, loan.holder);
}

async function unclaimed(reader: Reader): Promise<{ readonly network: Network; readonly loan: Lent }[]> {
  const found = [];
  for (const { value: network } of await reader.range<Network>("network/")) {
    for (const loan of await lentOf(reader, network)) if (isUnclaimed(loan)) found.push({ network, loan });
  }
  return found;
}

function isUnclaimed({ kept, created, place, boot }: Lent): boolean {
  if (kept === true) return Date.now() - Date.parse(created) >= awaitedMs;
  return place !== undefined && locate({ ...place, owner: "stranger", boot }) === undefined;
}

/** @throws NetkitError ADDRESS_OUTSIDE */
async function chosen(
  draft: Draft,
  network: Network,
  { ip, ip6, subnet }: LoanRequest,
): Promise<readonly EndpointAddress[]> {
  const wanted = {
    network: network.id,
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
  };
  const subnets = network.subnets.filter((each) => subnet === undefined || each.subnet === subnet);
  if (subnet !== undefined && subnets.length === 0)
    throw new NetkitError("ADDRESS_OUTSIDE", `network '${network.name}' has no subnet ${subnet}`);
  return (await assignAddresses(draft, { ...network, subnets }, wanted, nobody, ["ipv4", "ipv6"])).addresses;
}

const nobody = "" as EndpointId;

/** Of a network of several hosts each address is a record in their store, of an endpoint. */
async function refuseUnfit(context: Context, { name, driver, scope, predefined, configOnly }: Network): Promise<void> {
  const why =
    configOnly !== undefined
      ? "it holds settings for networks and is none itself"
      : predefined
        ? "it is predefined"
        : scope === "global"
          ? "several hosts have it"
          : (await context.drivers.get(driver)).traits.addresses === "none"
            ? "it has none"
            : undefined;
  if (why === undefined) return;
  throw new NetkitError("UNSUPPORTED", `network '${name}' lends no addresses: ${why}`, {
    hint: "Make a network of your own on this host for that: netkit network create",
    details: { network: name },
  });
}

/** @throws NetkitError NAME_TAKEN */
async function refuseTaken(draft: Draft, network: Network, holder: string): Promise<void> {
  if (!(await draft.has(keyOf(network, holder)))) return;
  throw new NetkitError("NAME_TAKEN", `'${holder}' has addresses of network '${network.name}' already`, {
    hint: "It gives them back before it gets others.",
    details: { network: network.name, holder },
  });
}

function keyOf({ id }: Network, holder: string): string {
  if (holder !== "" && holder.length <= 1_000) return keys.loan(id, holder);
  throw new NetkitError("NAME_INVALID", "whoever borrows an address says who he is in 1 to 1,000 characters");
}
