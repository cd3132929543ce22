import { familyOf, ipOf, type Cidr, type Ip } from "@netkit/core";
import {
  findLink,
  getLink,
  listAddresses,
  NetlinkError,
  openNetlink,
  parseAddress,
  parseMac,
  syscalls,
  withNamespace,
  type NetlinkSocket,
} from "@netkit/netlink";
import { checksum } from "./checksum.ts";

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const ETH_P_ARP = 0x0806;
const ETH_P_IPV6 = 0x86dd;
const BROADCAST = parseMac("ff:ff:ff:ff:ff:ff");
const ALL_NODES_MAC = parseMac("33:33:00:00:00:01");
const ALL_NODES = parseAddress("ff02::1");
const IPPROTO_ICMPV6 = 58;

/** What a link's neighbours are to know. */
export interface Announcement {
  readonly link: string;
  readonly addresses: readonly Ip[];
}

/**
 * Tells the neighbours of a sandbox's link the MAC of its addresses, once: an ARP announcement (RFC 5227, section 2.3) or
 * an unsolicited neighbour advertisement (RFC 4861, section 7.2.6) each. Who has an entry corrects it; others take no
 * notice. An address that the link doesn't have, or no more, isn't announced. @throws NetlinkError
 */
export function announce(host: NetlinkSocket, namespace: string, { link, addresses }: Announcement): void {
  const op = `announce the addresses of ${link}`;
  withNamespace(namespace, () => {
    using inside = openNetlink();
    const { ifindex, mac, parent } = getLink(inside, link);
    if (mac === undefined) return;
    // A bridge takes nothing from a port that it doesn't know to be up yet. Looking at a link brings that up to date.
    if (parent !== undefined) findLink(host, parent);
    const own = new Set(listAddresses(inside, { ifindex }).map(({ address }) => ipOf(address as Cidr)));
    const calls = syscalls();
    const fd = checked(calls.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0), op);
    try {
      checked(calls.bind(fd, addressOf(ifindex)), op);
      for (const ip of addresses.filter((address) => own.has(address))) {
        const frame = familyOf(ip) === "ipv4" ? arpAnnouncement(mac, ip) : neighbourAdvertisement(mac, ip);
        checked(calls.send(fd, frame, frame.length, 0), op);
      }
    } finally {
      // The kernel waits until nobody can be looking at the socket, some 10 ms; nothing else has to.
      void calls.closeAsync(fd);
    }
  });
}

/** struct sockaddr_ll, linux/if_packet.h; without a protocol nothing is received. */
function addressOf(ifindex: number): Uint8Array {
  const bytes = new Uint8Array(20);
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_PACKET;
  new Int32Array(bytes.buffer, 4, 1)[0] = ifindex;
  return bytes;
}

/** An ARP request (RFC 826) for the sender's own address, as the kernel's arp_notify sends it. */
function arpAnnouncement(mac: string, ip: Ip): Buffer {
  const [hardware, address] = [parseMac(mac), parseAddress(ip)];
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]);
  return Buffer.concat([ethernet(BROADCAST, hardware, ETH_P_ARP), head, hardware, address, Buffer.alloc(6), address]);
}

/** ICMPv6 type 136 with the override flag and the target's link-layer address, to all nodes. */
function neighbourAdvertisement(mac: string, ip: Ip): Buffer {
  const [hardware, address] = [parseMac(mac), parseAddress(ip)];
  const message = Buffer.concat([Buffer.from([136, 0, 0, 0, 0x20, 0, 0, 0]), address, Buffer.from([2, 1]), hardware]);
  const lengthAndType = Buffer.from([0, 0, 0, message.length, 0, 0, 0, IPPROTO_ICMPV6]);
  message.writeUInt16BE(checksum(Buffer.concat([address, ALL_NODES, lengthAndType, message])), 2);
  // Hop limit 255, which shows that no router has passed it on.
  const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, IPPROTO_ICMPV6, 255]);
  return Buffer.concat([ethernet(ALL_NODES_MAC, hardware, ETH_P_IPV6), header, address, ALL_NODES, message]);
}

function ethernet(to: Uint8Array, from: Uint8Array, type: number): Buffer {
  return Buffer.concat([to, from, Buffer.from([type >> 8, type & 0xff])]);
}

function checked(result: number, op: string): number {
  if (result < 0) throw new NetlinkError({ op, errno: -result });
  return result;
}
