import { ipOf, NetkitError, type EndpointId, type Network } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import { assignAddresses } from "./addresses.ts";
import type { Loan, LoanRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import type { Reader } from "./lookup.ts";
import { addressKeyOf } from "./networks.ts";
import type { Context } from "./operation.ts";
import { keys, type AddressHolder } from "./state.ts";

/** A loan as stored: whoever had it is gone with the boot. */
interface Lent extends Loan {
  readonly boot: string;
}

/** Lends an address of each family of the network. @throws NetkitError UNSUPPORTED, NAME_TAKEN, as for endpoints */
export async function lend(context: Context, draft: Draft, network: Network, request: LoanRequest): Promise<Loan> {
  const { holder, ip, ip6, labels = {} } = request;
  await refuseUnfit(context, network);
  const key = keyOf(network, holder);
  if (await draft.has(key)) {
    throw new NetkitError("NAME_TAKEN", `'${holder}' has addresses of network '${network.name}' already`, {
      hint: "It gives them back before it gets others.",
      details: { network: network.name, holder },
    });
  }
  const wanted = {
    network: network.id,
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
  };
  const nobody = "" as EndpointId;
  const { addresses } = await assignAddresses(draft, network, wanted, nobody, ["ipv4", "ipv6"]);
  for (const address of addresses.map((assigned) => ipOf(assigned.address)))
    draft.put(addressKeyOf(network.id, address), {
      endpoint: nobody,
      ip: address,
      who: `'${holder}'`,
    } satisfies AddressHolder);
  const loan: Lent = { holder, created: new Date().toISOString(), addresses, labels, boot: bootId() };
  draft.put(key, loan);
  return loan;
}

/** Undefined: the holder has nothing. */
export async function takeBack(draft: Draft, network: Network, holder: string): Promise<Loan | undefined> {
  const key = keyOf(network, holder);
  const loan = await draft.get<Lent>(key);
  if (loan === undefined) return undefined;
  draft.delete(key);
  for (const { address } of loan.addresses) draft.delete(addressKeyOf(network.id, ipOf(address)));
  return loan;
}

export async function loansOf(reader: Reader, network: Network): Promise<Loan[]> {
  return (await reader.range<Lent>(keys.loan(network.id, ""))).map(({ value }) => value);
}

/** Takes back what was lent before this boot. */
export async function takeBackAll(draft: Draft): Promise<void> {
  for (const { value: network } of await draft.range<Network>("network/")) {
    for (const { value } of await draft.range<Lent>(keys.loan(network.id, "")))
      if (value.boot !== bootId()) await takeBack(draft, network, value.holder);
  }
}

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

function keyOf({ id }: Network, holder: string): string {
  if (holder !== "" && holder.length <= 1_000) return keys.loan(id, encodeURIComponent(holder));
  throw new NetkitError("NAME_INVALID", "whoever borrows an address says who he is in 1 to 1,000 characters");
}
