import {
  delSetElements,
  isNetlinkError,
  newSetElements,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  nftValue,
  parseAddress,
  parsePrefix,
  type NetlinkMessage,
  type NetlinkSocket,
  type SetElement,
} from "@netkit/netlink";
import { tableOf, type SetName } from "./base.ts";
import type { Element } from "./elements.ts";
import type { NftResult } from "./nft.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Ports and senders straight to the kernel. libnftables reads all tables, chains and sets before each transaction, which takes
 * several times as long as the transaction; what these need of that never changes. True: a set of intervals.
 */
const direct: ReadonlyMap<SetName, boolean> = new Map<SetName, boolean>([
  ["any4", false],
  ["any6", false],
  ["host4", false],
  ["host6", false],
  ["span4", true],
  ["span6", true],
  ["limited4", true],
  ["limited6", true],
  ["allowed4", true],
  ["allowed6", true],
  ["open4", false],
  ["open6", false],
  ["wide4", true],
  ["wide6", true],
  ["barred4", true],
  ["barred6", true],
  ["admitted4", true],
  ["admitted6", true],
  ["sender4", false],
  ["sender6", false],
]);
/** More than that is no hot path, and might not fit into one message. */
const most = 128;

/** Bytes of a link's name (linux/if.h). */
const IFNAMSIZ = 16;

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Whether {@link runDirect} can carry it out. */
export function isDirect({ deletes, creates }: Transaction): boolean {
  const count = deletes.length + creates.length;
  return count > 0 && count <= most && [...deletes, ...creates].every(({ set }) => direct.has(set));
}

/** Carries a transaction out, all or nothing, in a table whose base is there. */
export function runDirect(socket: NetlinkSocket, table: string, { deletes, creates }: Transaction): NftResult {
  const messages = [
    ...messagesOf(deletes, (set, elements) => delSetElements({ family: familyOf(set), table, set }, elements)),
    ...messagesOf(creates, (set, elements) => newSetElements({ family: familyOf(set), table, set }, elements)),
  ];
  try {
    socket.transaction(NFNL_SUBSYS_NFTABLES, messages);
    return { code: 0, output: "", error: "" };
  } catch (error) {
    if (!isNetlinkError(error)) throw error;
    return { code: 1, output: "", error: error.message };
  }
}

function familyOf(set: SetName): number {
  return tableOf(set) === "inet" ? NFPROTO_INET : NFPROTO_BRIDGE;
}

function messagesOf(
  elements: readonly Element[],
  message: (set: SetName, elements: readonly SetElement[]) => NetlinkMessage,
): NetlinkMessage[] {
  const bySet = Map.groupBy(elements, ({ set }) => set);
  return [...bySet].map(([set, group]) => message(set, group.map(encode)));
}

/** From nft's words: `192.0.2.1 . tcp . 80` for `10.0.0.2 . 8080`; `0.0.0.0/0 . tcp . 80-89` for `10.0.0.2`. */
function encode({ set, key, data, comment }: Element): SetElement {
  const parts = key.split(" . ").map(encodePart);
  return {
    key: nftValue(...parts.map(([first]) => first)),
    ...(direct.get(set) === true ? { keyEnd: nftValue(...parts.map(([, last]) => last)) } : {}),
    ...(data === undefined ? {} : { data: nftValue(...data.split(" . ").map((part) => encodePart(part)[0])) }),
    ...(comment === undefined ? {} : { comment }),
  };
}

type Part = Uint8Array | readonly [value: number, bits: 8 | 16];

/** The first and the last value of a part: a link, a protocol, a port, a range of ports, an address or a subnet. */
function encodePart(text: string): readonly [first: Part, last: Part] {
  if (text.startsWith('"')) {
    const name = new Uint8Array(IFNAMSIZ);
    new TextEncoder().encodeInto(text.slice(1, -1), name);
    return twice(name);
  }
  const protocol = protocolNumbers[text];
  if (protocol !== undefined) return twice([protocol, 8]);
  const port = Number(text);
  if (!Number.isNaN(port)) return twice([port, 16]);
  const [, first, last] = /^([0-9]+)-([0-9]+)$/.exec(text) ?? [];
  if (first !== undefined)
    return [
      [Number(first), 16],
      [Number(last), 16],
    ];
  if (!text.includes("/")) return twice(parseAddress(text));
  const { bytes, length } = parsePrefix(text);
  const end = bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, length - index * 8))));
  return [bytes, end];
}

function twice(part: Part): readonly [Part, Part] {
  return [part, part];
}
