import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

/** A name server of somebody else's. */
export interface NameServer extends Disposable {
  queries(): number;
}

/** Answers every query for an A record with 192.0.2.1, and counts them. */
export async function upstream(address: string): Promise<NameServer> {
  let queries = 0;
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4").bind(53, address);
  await once(socket, "listening");
  socket.on("message", (query, { port, address: from }) => {
    queries += 1;
    const end = query.indexOf(0, 12) + 5;
    const reply = Buffer.concat([query.subarray(0, end), Buffer.from("c00c000100010000003c0004c0000201", "hex")]);
    reply.writeUInt16BE(0x8180, 2);
    reply.writeUInt16BE(1, 6);
    reply.fill(0, 8, 12);
    socket.send(reply, port, from);
  });
  return { queries: () => queries, [Symbol.dispose]: () => void socket.close() };
}
