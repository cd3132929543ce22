import { AttributeWriter, Attributes } from "./attribute.ts";
import type { NetlinkMessage } from "./message.ts";
import { NFNL_SUBSYS_NFTABLES } from "./set-element.ts";
import type { NetlinkSocket } from "./socket.ts";

/** A chain of nftables that the kernel enters by itself (linux/netfilter/nf_tables.h). */
export interface BaseChain {
  /** NFPROTO_*: 1 inet, 2 ip, 10 ip6. */
  readonly family: number;
  readonly table: string;
  readonly name: string;
  /** NF_INET_*, linux/netfilter.h: 1 input, 2 forward, 3 output. */
  readonly hook: number;
  /** What becomes of a packet that no rule decided on. */
  readonly policy: "accept" | "drop";
}

/** A table of nftables. */
export interface NftTable {
  /** As {@link BaseChain.family}; also 3 arp, 5 netdev, 7 bridge. */
  readonly family: number;
  readonly name: string;
}

const GET_TABLE = (NFNL_SUBSYS_NFTABLES << 8) | 1;
const DELETE_TABLE = (NFNL_SUBSYS_NFTABLES << 8) | 2;
const GET_CHAIN = (NFNL_SUBSYS_NFTABLES << 8) | 4;
const GET_GENERATION = (NFNL_SUBSYS_NFTABLES << 8) | 16;
const HEADER = 4;
const TABLE_NAME = 1;
/** NFTA_CHAIN_*. */
const CHAIN_TABLE = 1;
const CHAIN_NAME = 3;
const CHAIN_HOOK = 4;
const CHAIN_POLICY = 5;
const HOOK_NUMBER = 1;
const NF_DROP = 0;
const GENERATION_ID = 1;

/** List the tables of all families. Takes a socket of NETLINK_NETFILTER. */
export function listTables(socket: NetlinkSocket): NftTable[] {
  const message = { type: GET_TABLE, flags: 0, payload: new Uint8Array(HEADER), op: "list tables" };
  return socket.dump(message, (payload) => ({
    family: payload[0] ?? 0,
    name: new Attributes(payload, HEADER).string(TABLE_NAME) ?? "",
  }));
}

/** The number of the ruleset's generation: another one after each change to any table. Takes a socket of NETLINK_NETFILTER. */
export function nftGeneration(socket: NetlinkSocket): number {
  const message = { type: GET_GENERATION, flags: 0, payload: new Uint8Array(HEADER), op: "read the generation" };
  const [reply] = socket.request(message);
  return (reply && new Attributes(reply.payload, HEADER).be32(GENERATION_ID)) ?? 0;
}

/** List the base chains of all tables. Takes a socket of NETLINK_NETFILTER. */
export function listBaseChains(socket: NetlinkSocket): BaseChain[] {
  const message = { type: GET_CHAIN, flags: 0, payload: new Uint8Array(HEADER), op: "list chains" };
  return socket.dump(message, decodeBaseChain);
}

/** Delete a table with all that is in it; ENOENT when there is none. For {@link NetlinkSocket.transaction}. */
export function delTable(family: number, name: string): NetlinkMessage {
  const writer = new AttributeWriter(HEADER);
  writer.header.setUint8(0, family);
  writer.string(TABLE_NAME, name);
  return { type: DELETE_TABLE, flags: 0, payload: writer.finish(), op: `delete table ${name}` };
}

function decodeBaseChain(payload: Buffer): BaseChain | undefined {
  const attributes = new Attributes(payload, HEADER);
  const hook = attributes.nested(CHAIN_HOOK)?.be32(HOOK_NUMBER);
  if (hook === undefined) return undefined;
  return {
    family: payload[0] ?? 0,
    table: attributes.string(CHAIN_TABLE) ?? "",
    name: attributes.string(CHAIN_NAME) ?? "",
    hook,
    policy: attributes.be32(CHAIN_POLICY) === NF_DROP ? "drop" : "accept",
  };
}
