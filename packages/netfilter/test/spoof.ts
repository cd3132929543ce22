// Datagrams with any addresses, put on the wire below the sender's IP stack.
import { syscalls, withNamespace } from "@netkit/netlink";
import { ip, type Place, type Topology } from "./topology.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_IP = 0x0800;
const PROTOCOL_UDP = 17;
/** The source port of all that is sent here. */
export const forgedPort = 40_000;

interface Datagram {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly text: string;
}

/**
 * Send from the link eth0 of a place to the link of the host at its other end (or the bridge there). When it returns
 * the host has dealt with it: a veth pair passes packets on within the system call.
 */
export function sendDatagram(topology: Topology, from: Place, hostLink: string, datagram: Datagram): void {
  const own = linkOf(topology.namespace(from), "eth0");
  const other = linkOf(topology.namespace("host"), hostLink);
  const frame = Buffer.concat([other.mac, own.mac, Buffer.from([ETH_P_IP >> 8, ETH_P_IP & 0xff]), packet(datagram)]);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_IP, 2);
  address.writeInt32LE(own.index, 4);
  const calls = syscalls();
  const fd = withNamespace(`/run/netns/${topology.namespace(from)}`, () => calls.socket(AF_PACKET, SOCK_RAW, 0));
  const results = [fd, calls.bind(fd, address), calls.send(fd, frame, frame.length, 0)];
  calls.close(fd);
  if (results.some((result) => result < 0)) throw new Error(`can't send: ${results.join(" ")}`);
}

function linkOf(namespace: string, name: string): { index: number; mac: Buffer } {
  const [link] = JSON.parse(ip("-j", "-n", namespace, "link", "show", name)) as { ifindex: number; address: string }[];
  if (link === undefined) throw new Error(`no link ${name}`);
  return { index: link.ifindex, mac: Buffer.from(link.address.replaceAll(":", ""), "hex") };
}

/** RFC 791 and RFC 768; a UDP checksum of 0 is none. */
function packet({ source, destination, port, text }: Datagram): Buffer {
  const header = Buffer.alloc(20 + 8);
  const payload = Buffer.from(text);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(header.length + payload.length, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(PROTOCOL_UDP, 9);
  Buffer.from(source.split(".").map(Number)).copy(header, 12);
  Buffer.from(destination.split(".").map(Number)).copy(header, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  header.writeUInt16BE(forgedPort, 20);
  header.writeUInt16BE(port, 22);
  header.writeUInt16BE(8 + payload.length, 24);
  return Buffer.concat([header, payload]);
}
