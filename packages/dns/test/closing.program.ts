/** Serves a client that asks by UDP and TCP, of which one server answers and one doesn't, and closes it: then it must end. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { parseIp } from "@netkit/core";
import { encode } from "dns-packet";
import { createResolver } from "../src/index.ts";

const address = parseIp("127.0.0.1");
const [udp, silent, quick, asking] = Array.from({ length: 4 }, () => createSocket("udp4").bind(0, address));
const tcp = createServer().listen(0, address);
await Promise.all([udp, silent, quick, asking, tcp].map((socket) => once(socket ?? tcp, "listening")));
if (udp === undefined || silent === undefined || quick === undefined || asking === undefined)
  throw new Error("no socket");

quick.on("message", (message, { port }) => {
  message.writeUInt16BE(0x8180, 2);
  quick.send(message, port, address);
});
const servers = [silent, quick].map((socket) => ({ address, port: socket.address().port }));
const names = { addresses: () => undefined, pointer: () => undefined };
const served = createResolver().serve({ udp, tcp, names, upstreams: { servers } });
const connection = connect((tcp.address() as AddressInfo).port, address);
connection.resume();
await once(connection, "connect");
asking.send(encode({ type: "query", questions: [{ type: "A", name: "a.example" }] }), udp.address().port, address);
await once(asking, "message");
const ended = once(connection, "close");
await served.close();
await ended;
// They stay bound, so that nobody who still asks is refused, and don't hold the process.
for (const socket of [silent, quick, asking]) socket.unref();
