import { familyOf, ipOf, NetkitError, type Family, type Ip, type LinkFacts, type NetworkView } from "@netkit/core";
import { contains } from "@netkit/ipam";
import type { FlannelOptions } from "./options.ts";

type View = Pick<NetworkView<FlannelOptions>, "name" | "facts" | "options">;

/** The link that other hosts reach this one by. @throws NetkitError LINK_NOT_FOUND */
export function underlayOf({ name, facts, options: { iface } }: View): LinkFacts {
  const link = iface === undefined ? facts.uplink : facts.links[iface];
  if (link !== undefined) return link;
  const what = iface === undefined ? "the host has no default route" : `the host has no link '${iface}'`;
  throw new NetkitError(
    "LINK_NOT_FOUND",
    `network '${name}' doesn't know what other hosts reach this one by: ${what}`,
    {
      hint: "Name the link: -o iface=eth1",
      details: { iface },
    },
  );
}

/** The underlay's own address of a family. @throws NetkitError UNSUPPORTED */
export function ownAddress(view: View, family: Family): Ip {
  const { name, addresses } = underlayOf(view);
  const found = addresses.find((address) => familyOf(address) === family && !/^(fe80:|169\.254\.)/.test(address));
  if (found !== undefined) return ipOf(found);
  const word = family === "ipv4" ? "IPv4" : "IPv6";
  throw new NetkitError(
    "UNSUPPORTED",
    `network '${view.name}' needs an ${word} address on link '${name}', which has none`,
    {
      hint: "Give it one, or name another link: -o iface=eth1",
      details: { link: name },
    },
  );
}

/** Whether packets reach a host by the underlay's link alone. */
export function isOnLink(view: View, ip: Ip): boolean {
  return underlayOf(view).addresses.some((address) => contains(address, ip));
}
