import {
  delSetElements,
  isNetlinkError,
  newSetElements,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_INET,
  nftValue,
  parseAddress,
  type NetlinkMessage,
  type NetlinkSocket,
  type SetElement,
} from "@netkit/netlink";
import type { SetName } from "./base.ts";
import type { Element } from "./elements.ts";
import type { NftResult } from "./nft.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Single ports straight to the kernel. libnftables reads all tables, chains and sets before each transaction, which
 * takes several times as long as the transaction; what ports need of that never changes.
 */
const direct: ReadonlySet<SetName> = new Set<SetName>(["any4", "any6", "host4", "host6"]);
/** More than that is no hot path, and might not fit into one message. */
const most = 128;

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Whether {@link runDirect} can carry it out. */
export function isDirect({ deletes, creates }: Transaction): boolean {
  const count = deletes.length + creates.length;
  return count > 0 && count <= most && [...deletes, ...creates].every(({ set }) => direct.has(set));
}

/** Carries a transaction out, all or nothing, in a table whose base is there. */
export function runDirect(socket: NetlinkSocket, table: string, { deletes, creates }: Transaction): NftResult {
  const messages = [
    ...messagesOf(deletes, (set, elements) => delSetElements({ family: NFPROTO_INET, table, set }, elements)),
    ...messagesOf(creates, (set, elements) => newSetElements({ family: NFPROTO_INET, table, set }, elements)),
  ];
  try {
    socket.transaction(NFNL_SUBSYS_NFTABLES, messages);
    return { code: 0, output: "", error: "" };
  } catch (error) {
    if (!isNetlinkError(error)) throw error;
    return { code: 1, output: "", error: error.message };
  }
}

function messagesOf(
  elements: readonly Element[],
  message: (set: string, elements: readonly SetElement[]) => NetlinkMessage,
): NetlinkMessage[] {
  const bySet = Map.groupBy(elements, ({ set }) => set);
  return [...bySet].map(([set, group]) => message(set, group.map(encode)));
}

/** From nft's words: `192.0.2.1 . tcp . 80` for `10.0.0.2 . 8080`. */
function encode({ key, data, comment }: Element): SetElement {
  const [port = "", protocol = "", address] = key.split(" . ").toReversed();
  const protocolNumber = [protocolNumbers[protocol] ?? 0, 8] as const;
  const service = [Number(port), 16] as const;
  return {
    key:
      address === undefined
        ? nftValue(protocolNumber, service)
        : nftValue(parseAddress(address), protocolNumber, service),
    ...(data === undefined ? {} : { data: encodeTarget(data) }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function encodeTarget(data: string): Uint8Array {
  const [address = "", port = ""] = data.split(" . ");
  return nftValue(parseAddress(address), [Number(port), 16]);
}
