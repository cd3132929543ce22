import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createResolver, type Limits } from "../src/index.ts";
import { askUdp, client, connected, ended, framed, messages, query, read, serve, type Reply } from "./clients.ts";
import { address, reply, server, type Received } from "./servers.ts";

async function serving(limits: Partial<Limits> = {}) {
  const resolver = createResolver({ limits });
  return { resolver, ...(await serve(resolver, client())) };
}

/** The next `count` answers of a connection. */
async function answers(socket: Socket, count: number): Promise<Reply[]> {
  const found: Reply[] = [];
  for await (const message of messages(socket)) if (found.push(read(message)) === count) break;
  return found;
}

describe("a TCP connection", () => {
  test("takes several queries, in pieces of any size", async () => {
    const { port } = await serving();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
        const stream = Buffer.concat([1, 2, 3].map((id) => framed(query("web", "A", { id }))));
        const socket = await connected(port);
        socket.setNoDelay(true);
        const replies = answers(socket, 3);
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          socket.write(stream.subarray(at, at + size));
          at += size;
        }
        expect((await replies).map(({ id, rcode }) => [id, rcode])).toEqual([1, 2, 3].map((id) => [id, "NOERROR"]));
        socket.destroy();
      }),
      { numRuns: 30 },
    );
  });

  test("has room for what has none in a datagram", async () => {
    const { port } = await serving();
    const socket = await connected(port);
    socket.write(framed(query("many")));
    const [whole] = await answers(socket, 1);
    expect(whole).toMatchObject({ flag_tc: false });
    expect(whole?.answers).toHaveLength(40);
    expect(read(await askUdp(port, query("many")))).toMatchObject({ flag_tc: true });
  });

  test("gets answers as they come, not in the order of the queries", async () => {
    const held: Received[] = [];
    const { upstream } = await server((received) => held.push(received));
    const { port } = await serve(createResolver({ limits: { timeoutMs: 5000 } }), client({ servers: [upstream] }));
    const socket = await connected(port);
    socket.write(Buffer.concat([query("a.example", "A", { id: 1 }), query("web", "A", { id: 2 })].map(framed)));
    const [first] = await answers(socket, 1);
    expect(first?.id).toBe(2);
  });

  test("ends with what is no query", async () => {
    const { port, resolver } = await serving();
    for (const message of [Buffer.alloc(0), Buffer.alloc(5), Buffer.alloc(12, 0xff)]) {
      const socket = await connected(port);
      socket.write(framed(message));
      await ended(socket);
    }
    expect(resolver.stats).toMatchObject({ dropped: 3 });
  });

  test("ends when it has been idle for too long, however slowly bytes come", async () => {
    const { port } = await serving({ idleMs: 1000 });
    const [idle, dripping, busy] = [await connected(port), await connected(port), await connected(port)];
    const drip = setInterval(() => dripping.write(Buffer.from([1])), 10);
    onTestFinished(() => clearInterval(drip));
    const ask = (): boolean => busy.write(framed(query("web")));
    let answered = 0;
    busy.on("data", () => ++answered && ask());
    ask();
    await Promise.all([ended(idle), ended(dripping)]);
    const before = answered;
    await once(busy, "data");
    expect(answered).toBeGreaterThan(before);
    expect(busy.destroyed).toBe(false);
  });

  test("whose client doesn't read has few answers waiting, and all of them when it does", async () => {
    const { port, resolver } = await serving();
    const socket = await connected(port);
    socket.pause();
    const total = 50_000;
    const burst = Buffer.concat(Array.from({ length: 1000 }, () => framed(query("many"))));
    for (let sent = 0; sent < total; sent += 1000) socket.write(burst);
    // The resolver stops reading when the kernel's buffers are full; then nothing changes any more but for other clients.
    while (resolver.stats.queries < 1000) await askUdp(port, query("web"));
    let before = -1;
    while (resolver.stats.queries !== before) {
      before = resolver.stats.queries;
      for (let turn = 0; turn < 200; turn++) await askUdp(port, query("web"));
      before += 200;
    }
    expect(resolver.stats.queries).toBeLessThan(total);
    let count = 0;
    for await (const message of messages(socket)) {
      expect(message.readUInt16BE(6)).toBe(40);
      if (++count === total) break;
    }
    expect(count).toBe(total);
  });

  test("with a thousand queries at once leaves turns to others", async () => {
    const { port, resolver } = await serving();
    const socket = await connected(port);
    const udp = createSocket("udp4");
    onTestFinished(() => void udp.close());
    socket.write(Buffer.concat(Array.from({ length: 1500 }, () => framed(query("many")))));
    udp.send(query("web"), port, "127.0.0.1");
    const answered = once(udp, "message").then(() => resolver.stats.queries);
    expect(await answers(socket, 1500)).toHaveLength(1500);
    // The datagram was there before the second turn of the connection.
    expect(await answered).toBeLessThan(1500);
  });

  test("that is reset is gone, and nothing else happens", async () => {
    const { port, resolver } = await serving();
    for (let turn = 0; turn < 20; turn++) {
      const socket = await connected(port);
      socket.write(framed(query("many")));
      socket.resetAndDestroy();
    }
    const last = await connected(port);
    last.write(framed(query("web")));
    expect(await answers(last, 1)).toMatchObject([{ rcode: "NOERROR" }]);
    last.destroy();
    while (resolver.stats.connections > 0) await askUdp(port, query("web"));
  });
});

describe("too many TCP connections", () => {
  test("of one client end those that have been idle longest", async () => {
    const { port, resolver } = await serving({ connectionsPerClient: 3 });
    const [first, second] = [await connected(port), await connected(port), await connected(port)];
    // The first is no longer the one that is idle longest.
    first.write(framed(query("web")));
    expect(await answers(first, 1)).toHaveLength(1);
    const fourth = await connected(port);
    await ended(second);
    fourth.write(framed(query("web")));
    expect(await answers(fourth, 1)).toHaveLength(1);
    expect(resolver.stats.connections).toBeLessThanOrEqual(3);
  });

  test("of all end those that have been idle longest, whosever they are", async () => {
    const resolver = createResolver({ limits: { connections: 2 } });
    const [one, other] = [await serve(resolver, client()), await serve(resolver, client())];
    const [first, second] = [await connected(one.port), await connected(other.port)];
    const third = await connected(other.port);
    await ended(first);
    third.write(framed(query("web")));
    expect(await answers(third, 1)).toHaveLength(1);
    expect(second.destroyed).toBe(false);
  });

  test("don't matter: with 10,000 that are idle everybody is answered", { timeout: 120_000 }, async () => {
    const resolver = createResolver({ limits: { idleMs: 600_000 } });
    const [greedy, modest] = [await serve(resolver, client()), await serve(resolver, client())];
    const idle: Socket[] = [];
    onTestFinished(() => idle.forEach((socket) => socket.destroy()));
    const patient = await connected(modest.port);
    for (let batch = 0; batch < 40; batch++) {
      const opened = Array.from({ length: 250 }, () => connect(greedy.port, "127.0.0.1").on("error", () => {}));
      idle.push(...opened);
      await Promise.all(opened.map((socket) => once(socket, "connect")));
      expect(read(await askUdp(greedy.port, query("web")))).toMatchObject({ rcode: "NOERROR" });
      expect(read(await askUdp(modest.port, query("web")))).toMatchObject({ rcode: "NOERROR" });
      expect(resolver.stats.connections).toBeLessThanOrEqual(250 + 64 + 1);
    }
    expect(idle).toHaveLength(10_000);
    for (const socket of [patient, await connected(greedy.port), await connected(modest.port)]) {
      socket.write(framed(query("web")));
      expect(await answers(socket, 1)).toMatchObject([{ rcode: "NOERROR" }]);
    }
  });
});

test("a forwarded answer by TCP is whole", async () => {
  const addresses = Array.from({ length: 100 }, (_, index) => address("a.example", `192.0.2.${index}`));
  const { upstream } = await server(({ message, transport, reply: send }) =>
    send(transport === "tcp" ? reply(message, { answers: addresses }) : reply(message, { flags: 0x200 })),
  );
  const { port } = await serve(createResolver(), client({ servers: [upstream] }));
  const socket = await connected(port);
  socket.write(framed(query("a.example")));
  const [whole] = await answers(socket, 1);
  expect(whole?.answers).toHaveLength(100);
});
