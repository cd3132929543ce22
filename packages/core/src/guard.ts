import type { Ip, Mac } from "./address.ts";
import { digest32 } from "./digest.ts";
import type { SenderResource, VethResource } from "./resource.ts";

/** The link group of a bridge's guarded ports: 31 bits that follow from its name, which is one on a host. */
export function guardGroup(bridge: string): number {
  return digest32(`guarded ${bridge}`) >>> 1 || 1;
}

/**
 * What a guarded port needs beside its MAC to speak with `addresses`, and with the link-local one that the kernel adds. A
 * constant rule knows by the MAC what follows from it: the IPv4 address of one that is 02:6e and its four bytes, as endpoints have
 * them, and the link-local address of one that begins with 02.
 */
export function sendersOf(port: VethResource, addresses: readonly Ip[]): SenderResource[] {
  const { name, guarded, peer } = port;
  const { mac } = peer;
  if (guarded !== true || mac === undefined) return [];
  const linkLocal = linkLocalOf(mac);
  const following: readonly Ip[] = [...(mac.startsWith("02:") ? [linkLocal] : []), ...ipv4Of(mac)];
  const all = new Set([...addresses, linkLocal]);
  return [...all]
    .filter((address) => !following.includes(address))
    .map((address) => ({ kind: "sender", ns: "host", link: name, address }));
}

/** See `macOfAddress` in @netkit/ipam. */
function ipv4Of(mac: Mac): Ip[] {
  const [first, kind, ...bytes] = bytesOf(mac);
  return first === 0x02 && kind === 0x6e ? [bytes.join(".") as Ip] : [];
}

/** The address that the kernel gives a link of that MAC by itself (RFC 4291, appendix A). */
function linkLocalOf(mac: Mac): Ip {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytesOf(mac);
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  // Canonical (RFC 5952) without being parsed: of these words only the first and the last may be zero.
  const shown = words[0] === 0 ? words.slice(1) : words;
  return `fe80::${shown.map((word) => word.toString(16)).join(":")}` as Ip;
}

function bytesOf(mac: Mac): number[] {
  return mac.split(":").map((byte) => Number.parseInt(byte, 16));
}
