import ipaddr from "ipaddr.js";
import { NetkitError } from "./errors.ts";
import { quoted } from "./quoted.ts";

export type Family = "ipv4" | "ipv6";

/** An address in canonical text (RFC 5952 for IPv6, in groups throughout), without a prefix or zone. */
export type Ip = string & { readonly __ip: true };
/** `address/length` in canonical text; host bits may be set (an interface address) unless parsed as a subnet. */
export type Cidr = string & { readonly __cidr: true };
/** Six lower-case hex pairs. */
export type Mac = string & { readonly __mac: true };

/** In the forwarding table of a VXLAN device: all addresses that it doesn't know. */
export const anyMac: Mac = "00:00:00:00:00:00" as Mac;

/** The destination of a family's default routes. */
export const everything: Readonly<Record<Family, Cidr>> = { ipv4: "0.0.0.0/0" as Cidr, ipv6: "::/0" as Cidr };

/** ipaddr.js accepts octal, hex and short IPv4 forms that other tools read differently; only four decimal parts pass. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // What isn't IPv4 is told apart by an exception in there, which takes 0.2 ms.
  if (!text.includes(":")) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined;
  if (text.includes("%")) return undefined;
  const groups = withoutDots(text);
  return groups !== undefined && ipaddr.IPv6.isValid(groups) ? ipaddr.IPv6.parse(groups) : undefined;
}

/** An IPv4 address at the end as two groups: ipaddr.js takes it in any form, and `::192.0.2.1` for `::ffff:192.0.2.1`. */
function withoutDots(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const start = text.lastIndexOf(":") + 1;
  const tail = text.slice(start);
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets;
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** An IPv4 address as it is written canonically: most of what is parsed, and quickly told. */
const canonicalIpv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** @throws NetkitError ADDRESS_INVALID */
export function parseIp(text: string): Ip {
  if (canonicalIpv4.test(text)) return text as Ip;
  const parsed = parse(text);
  if (parsed === undefined) throw invalid("address", text, "Write it as 192.0.2.1 or 2001:db8::1.");
  return canonical(parsed) as Ip;
}

function canonical(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv4 ? address.toString() : address.toRFC5952String();
}

/** An address with a prefix length: `192.0.2.1/24`. @throws NetkitError ADDRESS_INVALID */
export function parseCidr(text: string): Cidr {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parse(match[1]);
  const length = Number(match?.[2]);
  if (address === undefined || length > (address.kind() === "ipv4" ? 32 : 128)) {
    throw invalid("CIDR", text, "Write it as 192.0.2.0/24 or 2001:db8::/64.");
  }
  return `${canonical(address)}/${length}` as Cidr;
}

/** Six hex pairs with ':' or '-'. Multicast and all-zero addresses are refused. @throws NetkitError ADDRESS_INVALID */
export function parseMac(text: string): Mac {
  const mac = text.toLowerCase().replaceAll("-", ":");
  const valid = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac);
  if (!valid || Number.parseInt(mac.slice(0, 2), 16) & 1 || mac === "00:00:00:00:00:00") {
    throw invalid("MAC address", text, "Write a unicast address as 02:00:5e:10:00:01.");
  }
  return mac as Mac;
}

export function familyOf(address: Ip | Cidr): Family {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** The address part of `address/length`. */
export function ipOf(cidr: Cidr): Ip {
  return cidr.slice(0, cidr.indexOf("/")) as Ip;
}

/** The length part of `address/length`. */
export function prefixLengthOf(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf("/") + 1));
}

/** `cidr` without host bits. */
export function subnetOf(cidr: Cidr): Cidr {
  const family = familyOf(cidr) === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${canonical(family.networkAddressFromCIDR(cidr))}/${prefixLengthOf(cidr)}` as Cidr;
}

function invalid(what: string, text: string, hint: string): NetkitError {
  return new NetkitError("ADDRESS_INVALID", `invalid ${what} ${quoted(text)}`, {
    hint,
    details: { text },
  });
}
