import { isIPv4, isIPv6 } from "node:net";
import type { Cidr } from "@netkit/core";
import { parseResolvConf, readHostResolvConf } from "@netkit/sandbox";

/** The host's name servers, each as a subnet of its own; not those that are found by a link's zone, which no subnet hides. */
export function hostNameServers(): Cidr[] {
  return parseResolvConf(readHostResolvConf()).servers.flatMap((server) => {
    if (isIPv4(server)) return `${server}/32` as Cidr;
    return isIPv6(server) && !server.includes("%") ? (`${server}/128` as Cidr) : [];
  });
}
