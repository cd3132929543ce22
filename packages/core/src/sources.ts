import ipaddr from "ipaddr.js";
import { familyOf, ipOf, parseCidr, parseIp, prefixLengthOf, subnetOf, type Cidr, type Ip } from "./address.ts";
import { NetkitError } from "./errors.ts";

/**
 * Who may reach a published port, each as `address/length` or an address alone: sorted, without those that lie in
 * another, for nftables takes no overlapping ones.
 * @throws NetkitError ADDRESS_INVALID, also for bits behind the prefix: whoever set them may have meant one host
 */
export function parseSources(texts: readonly string[]): readonly Cidr[] {
  const parsed = texts.map(parseSource).toSorted((a, b) => (a.bits < b.bits ? -1 : Number(a.bits > b.bits)));
  const kept: Source[] = [];
  for (const source of parsed) {
    const before = kept.at(-1);
    if (before === undefined || !source.bits.startsWith(before.bits)) kept.push(source);
  }
  return kept.map(({ cidr }) => cidr);
}

interface Source {
  readonly cidr: Cidr;
  /** The family and the prefix bit by bit: what begins with it lies in it, and is sorted right behind it. */
  readonly bits: string;
}

function parseSource(text: string): Source {
  const cidr = text.includes("/") ? parseCidr(text) : hostCidr(parseIp(text));
  const length = prefixLengthOf(cidr);
  const bytes = ipaddr.parse(ipOf(cidr)).toByteArray();
  const address = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (address.includes("1", length)) {
    const bare = ipOf(cidr);
    const subnet = subnetOf(cidr);
    throw new NetkitError("ADDRESS_INVALID", `${cidr} has bits behind its prefix, its subnet is ${subnet}`, {
      hint: `Write ${subnet} for the subnet, or ${bare} for the one address.`,
      details: { text },
    });
  }
  const family = bytes.length === 4 ? "4" : "6";
  return { cidr, bits: `${family}${address.slice(0, length)}` };
}

function hostCidr(ip: Ip): Cidr {
  return `${ip}/${familyOf(ip) === "ipv4" ? 32 : 128}` as Cidr;
}
