import { isIP } from "node:net";
import { parseIp, type Ip } from "@netkit/core";

const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/;
const ipv6 = /^(?:[\da-f]\.){32}ip6\.arpa$/;

/** The address that a name under in-addr.arpa (RFC 1035, section 3.5) or ip6.arpa (RFC 3596, section 2.5) stands for. */
export function addressOf(name: string): Ip | undefined {
  if (!name.endsWith(".arpa")) return undefined;
  const text = ipv6.test(name)
    ? name.slice(0, 63).split(".").toReversed().join("").match(/.{4}/g)?.join(":")
    : ipv4.exec(name)?.slice(1).toReversed().join(".");
  return text === undefined || isIP(text) === 0 ? undefined : parseIp(text);
}
