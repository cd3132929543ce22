import { createSocket } from "node:dgram";
import { describe, expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { answer, client, query } from "./clients.ts";
import {
  address,
  answering,
  asking,
  deaf,
  failing,
  reply,
  server,
  silent,
  soa,
  withoutQuestion,
  type Received,
} from "./servers.ts";

/** An answer that promises a record and has half of one. */
function broken(asked: Buffer): Buffer {
  return reply(asked, { answers: [address("a.example", "192.0.2.1")] }).subarray(0, -5);
}

describe("a name that isn't known", () => {
  test("is asked of the server, whose answer comes back whole", async () => {
    const { upstream, seen } = await server(({ message, reply: send }) =>
      send(reply(message, { flags: 0x420, answers: [address("a.example", "192.0.2.1")], authorities: [soa(60, 60)] })),
    );
    const { ask } = asking([upstream]);
    expect(await ask(query("a.example", "A", { id: 99 }))).toMatchObject({
      id: 99,
      rcode: "NOERROR",
      flag_aa: false,
      flag_ad: true,
      flag_ra: true,
      flag_rd: true,
      questions: [{ name: "a.example", type: "A" }],
      answers: [{ name: "a.example", type: "A", ttl: 60, data: "192.0.2.1" }],
      authorities: [{ type: "SOA" }],
      additionals: [],
    });
    expect(seen).toHaveLength(1);
  });

  test.each(["NXDOMAIN", "NOERROR"] as const)("gets %s from the server as it is", async (rcode) => {
    const { upstream } = await server(failing(rcode === "NXDOMAIN" ? 3 : 0));
    expect(await asking([upstream]).ask(query("a.example"))).toMatchObject({ rcode, answers: [] });
  });

  test("comes with another id each time, from another port, and with what matters of the flags", async () => {
    const ports = new Set<number>();
    const { upstream, seen } = await server(answering("192.0.2.1", 0));
    const resolver = createResolver();
    const asker = client({
      servers: [upstream],
      openUdp: () => {
        const socket = createSocket("udp4");
        socket.on("connect", () => ports.add(socket.address().port));
        return socket;
      },
    });
    for (let turn = 0; turn < 20; turn++)
      await answer(resolver, asker, query("a.example", "A", { id: 1, flags: 0x110 }));
    const ids = new Set(seen.map(({ message }) => message.readUInt16BE()));
    expect(ids.size).toBeGreaterThan(15);
    expect(ports.size).toBeGreaterThan(15);
    expect(seen.every(({ message }) => message.readUInt16BE(2) === 0x110)).toBe(true);
  });

  test("is passed on byte for byte, whatever its labels are", async () => {
    const label = Buffer.from([7, 0x00, 0x2e, 0xff, 0xc3, 0x41, 0x5c, 0x20]);
    const message = Buffer.concat([query("x").subarray(0, 12), label, Buffer.from([0, 0, 16, 0, 1])]);
    const record = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, 0xff, 0x00]);
    const { upstream, seen } = await server(({ message: asked, reply: send }) => {
      const said = Buffer.concat([asked, record]);
      said.writeUInt16BE(0x8180, 2);
      said.writeUInt16BE(1, 6);
      send(said);
    });
    const { resolver, asker } = asking([upstream]);
    for (const _ of ["asked", "kept"]) {
      const said = await resolver.resolve(message, asker);
      expect(said?.subarray(12)).toEqual(Buffer.concat([message.subarray(12), record]));
    }
    expect(seen).toHaveLength(1);
    expect(seen[0]?.message.subarray(12)).toEqual(message.subarray(12));
  });

  test("is asked once while others ask it too", async () => {
    const waiting: Received[] = [];
    const { upstream } = await server((received) => {
      waiting.push(received);
      // The other question comes last; by then the first was asked as often as it ever will be.
      if (waiting.length === 2) for (const each of waiting) answering("192.0.2.1", 0)(each);
    });
    const { ask } = asking([upstream]);
    const replies = await Promise.all(
      [query("a.example"), query("A.example"), query("b.example")].map((message) => ask(message)),
    );
    expect(replies.map(({ questions }) => questions?.[0]?.name)).toEqual(["a.example", "A.example", "b.example"]);
    expect(waiting).toHaveLength(2);
  });
});

test("a datagram that is lost is sent again", async () => {
  let count = 0;
  const { upstream } = await server((received) => void (++count > 1 && answering("192.0.2.1")(received)));
  expect(await asking([upstream]).ask(query("a.example"))).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
  expect(count).toBe(2);
});

describe("of several servers", () => {
  test("all are asked at once, and the first answer is taken", async () => {
    const slow = await server(silent);
    const quick = await server(answering("192.0.2.1"));
    const third = await server(silent);
    const { ask } = asking([slow, third, quick].map(({ upstream }) => upstream));
    expect(await ask(query("a.example"))).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
  });

  test.each([
    ["SERVFAIL", failing(2)],
    ["REFUSED", failing(5)],
    ["NOTIMP", failing(4)],
    ["FORMERR", failing(1)],
    ["YXDOMAIN", failing(6)],
    ["FORMERR without the question", ({ message, reply: send }: Received) => send(withoutQuestion(message, 1))],
    ["garbage after the question", ({ message, reply: send }: Received) => send(broken(message))],
  ])("one that says %s is passed over", async (_, behave) => {
    const [bad, good] = [await server(behave), await server(answering("192.0.2.1"))];
    const { ask } = asking([bad.upstream, good.upstream]);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "NOERROR", answers: [{ data: "192.0.2.1" }] });
  });

  test("that all fail, the client hears at once", async () => {
    const servers = [await server(failing(2)), await server(failing(5))].map(({ upstream }) => upstream);
    const { ask } = asking([...servers, await deaf()], 1e6);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "SERVFAIL", answers: [] });
  });

  test("that none answers, it hears in time", async () => {
    const servers = [await server(silent), await server(silent)].map(({ upstream }) => upstream);
    const { ask, resolver } = asking(servers, 50);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
    expect(resolver.stats).toMatchObject({ forwarded: 1, failed: 1, forwarding: 0 });
  });

  test("three are asked", async () => {
    const fourth = await server(answering("192.0.2.1"));
    const servers = [await server(failing(2)), await server(failing(2)), await server(failing(2)), fourth];
    const { ask } = asking(servers.map(({ upstream }) => upstream));
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
    expect(fourth.seen).toHaveLength(0);
  });

  test("a later one's no waits for an earlier one's answer", async () => {
    const held: Received[] = [];
    const first = await server((received) => held.push(received));
    const second = await server((received) => {
      failing(3)(received);
      // What the first one says arrives behind it.
      setImmediate(() => held.forEach(answering("192.0.2.1")));
    });
    const { ask } = asking([first.upstream, second.upstream]);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "NOERROR", answers: [{ data: "192.0.2.1" }] });
  });

  test.each([
    ["fails", failing(2)],
    ["stays silent", silent],
  ])("a later one's no is believed when the earlier one %s", async (_, behave) => {
    const [first, second] = [await server(behave), await server(failing(3))];
    const { ask } = asking([first.upstream, second.upstream], 1e6);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "NXDOMAIN" });
  });

  test("the first one's no is believed at once", async () => {
    const [first, second] = [await server(failing(3)), await server(silent)];
    const { ask } = asking([first.upstream, second.upstream], 1e6);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "NXDOMAIN" });
  });
});
