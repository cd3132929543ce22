import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encode } from "dns-packet";
import { bytesNear, fuzz } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { readQuery } from "../src/query.ts";
import { forwardedReply } from "../src/reply.ts";
import { readResponse } from "../src/response.ts";
import { answer, askUdp, client, framed, messages, query, read, serve, connected, ended } from "./clients.ts";
import { address, reply, server, soa } from "./servers.ts";

const resolver = createResolver();
const sandbox = client();

const valid = fc.constantFrom(
  query("web"),
  query("many", "AAAA", { udpSize: 1232, dnssecOk: true }),
  query("_8080._tcp.web", "SRV"),
  query("2.0.7.10.in-addr.arpa", "PTR", { udpSize: 512 }),
  query("a.example", "ANY"),
);

const anything = bytesNear(valid);

describe("whatever a client sends", () => {
  test("is a query with one whole answer of the same id, or none", async () => {
    await fuzz(fc.tuple(anything, fc.constantFrom("udp" as const, "tcp" as const)), ([message, transport]) => {
      const reply = resolver.resolve(message, sandbox, transport);
      expect(reply === undefined).toBe(message.length < 12 || (message[2] ?? 0) >= 0x80);
      if (reply === undefined) return;
      if (!Buffer.isBuffer(reply)) throw new Error("nobody is forwarded to");
      expect(reply.readUInt16BE()).toBe(message.readUInt16BE());
      expect(reply.readUInt16BE(2) & 0x8000).toBe(0x8000);
      expect(reply.length).toBeLessThanOrEqual(transport === "udp" ? 4096 : 0xffff);
      expect(() => read(reply)).not.toThrow();
    });
  });

  test("has one answer at most by UDP, and the resolver goes on", async () => {
    const { port } = await serve(createResolver(), client());
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22 });
    onTestFinished(() => void socket.close());
    const replies = new Map<number, number>();
    socket.on("message", (message) => {
      const id = message.readUInt16BE();
      replies.set(id, (replies.get(id) ?? 0) + 1);
    });
    const packets = fc.sample(anything, 3000).filter(({ length }) => length >= 2);
    for (const [id, packet] of packets.entries()) {
      packet.writeUInt16BE(id);
      socket.send(packet, port, "127.0.0.1");
      if (id % 50 > 0) continue;
      // Datagrams are answered in their order: behind this answer, nothing is missing.
      socket.send(query("web", "A", { id: 0xffff }), port, "127.0.0.1");
      while (!replies.delete(0xffff)) await once(socket, "message");
    }
    expect(Math.max(...replies.values())).toBe(1);
    expect(replies.size).toBeGreaterThan(1000);
  });

  test("ends a TCP connection at worst", async () => {
    const { port } = await serve(createResolver(), client());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(anything.map(framed), anything), { maxLength: 10 }), async (parts) => {
        const socket = await connected(port);
        socket.end(Buffer.concat(parts));
        await ended(socket);
      }),
      { numRuns: 200 },
    );
    const socket = await connected(port);
    socket.write(framed(query("web")));
    for await (const message of messages(socket)) {
      expect(read(message)).toMatchObject({ rcode: "NOERROR" });
      break;
    }
  });

  test("leaves nothing behind in memory", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const packets = fc.sample(anything, 2000);
    const used = (): number => {
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const run = (times: number): void => {
      for (let turn = 0; turn < times; turn++) for (const packet of packets) void resolver.resolve(packet, sandbox);
    };
    run(20);
    const before = used();
    run(400);
    // 800,000 messages: ten bytes of each would be eight megabytes. What other tests have left in the process is one or two.
    expect(used() - before).toBeLessThan(4e6);
  });
});

describe("whatever a server sends", () => {
  const asked = query("a.example", "A", { id: 7, udpSize: 1232 });
  const good = fc.constantFrom(
    reply(asked, { answers: [address("a.example", "192.0.2.1"), address("a.example", "192.0.2.2")] }),
    reply(asked, { rcode: 3, authorities: [soa(60, 30)] }),
    reply(asked, { answers: [{ type: "CNAME", name: "a.example", data: "b.example" }], authorities: [soa(60, 30)] }),
    encode({ type: "response", id: 7, flags: 0x380, questions: [{ type: "A", name: "a.example" }] }),
  );

  const asking = readQuery(asked);
  if (asking === undefined) throw new Error("no query");

  test("is read without an error, and what comes of it is an answer", async () => {
    await fuzz(fc.tuple(bytesNear(good), fc.integer({ min: 0, max: 1e6 })), ([message, age]) => {
      const response = readResponse(message, asking);
      if (response === undefined || ![0, 3].includes(response.rcode)) return;
      for (const transport of ["udp", "tcp"] as const) {
        const reply = forwardedReply(asking, response, age, transport);
        expect(reply.subarray(12, 12 + asking.question.length)).toEqual(asking.question);
        expect(reply.length).toBeLessThanOrEqual(transport === "udp" ? 1232 : 0xffff);
        // Nothing that the server invents beyond its message is told as if it were there.
        expect(readResponse(Buffer.from(reply), asking)).toMatchObject({ rcode: response.rcode });
      }
      expect(response.keepSeconds).toBeGreaterThanOrEqual(0);
      expect(response.keepSeconds).toBeLessThanOrEqual(3600);
    });
  });

  test("ends in one answer, in time", async () => {
    const garbage = fc.sample(bytesNear(good), 300);
    let turn = 0;
    const { upstream } = await server(({ message, reply: send }) => {
      const bad = Buffer.from(garbage[turn++ % garbage.length] ?? "");
      if (bad.length >= 2 && turn % 3 > 0) message.copy(bad, 0, 0, 2);
      send(bad);
    });
    const forwarding = createResolver({ limits: { timeoutMs: 100, forwardsPerClient: 300 } });
    const asker = client({ servers: [upstream] });
    const replies = await Promise.all(
      garbage.map((_, index) => answer(forwarding, asker, query(`${index}.example`), index % 2 === 0 ? "udp" : "tcp")),
    );
    expect(replies).toHaveLength(300);
    expect(forwarding.stats).toMatchObject({ forwarding: 0, forwarded: 300 });
    const { port } = await serve(forwarding, client());
    expect(read(await askUdp(port, query("web")))).toMatchObject({ rcode: "NOERROR" });
  });
});
