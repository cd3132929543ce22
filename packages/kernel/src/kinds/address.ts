import { familyOf, type AddressResource } from "@netkit/core";
import { delAddress, newAddress, type Address } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import { GONE } from "../transaction.ts";

function addressOf({ address, noPrefixRoute }: AddressResource, ifindex: number): Address {
  return {
    ifindex,
    address,
    ...(familyOf(address) === "ipv6" ? { noDad: true } : {}),
    ...(noPrefixRoute === true ? { noPrefixRoute } : {}),
  };
}

export const address: Kind<AddressResource> = {
  create(tx, resource) {
    const { ns, link } = resource;
    tx.send(ns, newAddress(addressOf(resource, tx.ifindex(ns, link))), { done: "created" });
  },
  remove(tx, { ns, link, address }) {
    const ifindex = tx.findIfindex(ns, link);
    if (ifindex !== undefined) tx.send(ns, delAddress({ ifindex, address }), { done: "removed", ignore: GONE });
  },
  read(view, { ns, link, address, noPrefixRoute }) {
    const ifindex = view.link(ns, link)?.ifindex;
    const found = view
      .addresses(ns, familyOf(address))
      .find((one) => one.ifindex === ifindex && one.address === address);
    if (found === undefined) return missing;
    return compare({ noPrefixRoute: [noPrefixRoute === true, found.noPrefixRoute === true] });
  },
  createCommands(shell, { ns, link, address, noPrefixRoute }) {
    const flags = [
      ...(familyOf(address) === "ipv6" ? ["nodad"] : []),
      ...(noPrefixRoute === true ? ["noprefixroute"] : []),
    ];
    return [shell.ip(ns, "address", "add", address, "dev", link, ...flags)];
  },
  removeCommands: (shell, { ns, link, address }) => [shell.ip(ns, "address", "delete", address, "dev", link)],
};
