import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { parseIp } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { createResolver, type Upstream } from "../src/index.ts";
import { answer, client, loopback, query, read } from "./clients.ts";
import { address, answering, deaf, reply, server, soa, type Received } from "./servers.ts";

const silent = (): void => {};
function failing(rcode: number): (received: Received) => void {
  return ({ message, reply: send }) => send(reply(message, { rcode }));
}

/** Sends a wrong answer, then the right one. */
function other(change: (good: Buffer) => Buffer): (received: Received) => void {
  return (received) => {
    received.reply(change(reply(received.message, { answers: [address("a.example", "203.0.113.66")] })));
    answering("192.0.2.1")(received);
  };
}

function altered(at: number, bits: number): (good: Buffer) => Buffer {
  return (good) => {
    good[at] = (good[at] ?? 0) ^ bits;
    return good;
  };
}

/** An answer that promises a record and has half of one. */
function broken(asked: Buffer): Buffer {
  return reply(asked, { answers: [address("a.example", "192.0.2.1")] }).subarray(0, -5);
}

/** Asks a new resolver with these servers. */
function asking(servers: readonly Upstream[], timeoutMs = 5000) {
  const resolver = createResolver({ limits: { timeoutMs } });
  const asker = client({ servers });
  return {
    resolver,
    asker,
    ask: (message: Buffer, transport?: "udp" | "tcp") => answer(resolver, asker, message, transport),
  };
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

describe("an answer is left alone that", () => {
  test.each([
    ["has another id", other(altered(1, 1))],
    ["is a query", other(altered(2, 0x80))],
    ["has another opcode", other(altered(2, 0x08))],
    ["is about another name", other(altered(13, 1))],
    ["is about another type", other(altered(24, 1))],
    ["has no question", other(altered(5, 1))],
    ["is shorter than a header", other((good) => good.subarray(0, 11))],
    ["is empty", other(() => Buffer.alloc(0))],
    ["is garbage", other(() => Buffer.alloc(600, 0xff))],
    [
      "comes from another port",
      (received: Received) => {
        received.spoof(reply(received.message, { answers: [address("a.example", "203.0.113.66")] }));
        setImmediate(() => answering("192.0.2.1")(received));
      },
    ],
  ])("%s", async (_, behave) => {
    const { upstream } = await server(behave);
    expect(await asking([upstream]).ask(query("a.example"))).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
  });

  test("is about a type that differs like letters in their case", async () => {
    const { upstream } = await server(({ message, reply: send }) => {
      send(altered(24, 0x20)(reply(message, { rcode: 3 })));
      send(reply(message));
    });
    expect(await asking([upstream]).ask(query("a.example", "UNKNOWN_65"))).toMatchObject({ rcode: "NOERROR" });
  });

  test("comes from another port before the kernel tells them apart", async () => {
    const { upstream } = await server((received) => {
      received.spoof(reply(received.message, { answers: [address("a.example", "203.0.113.66")] }));
      setImmediate(() => answering("192.0.2.1")(received));
    });
    const openUdp = async (): Promise<Socket> => {
      const socket = createSocket("udp4").bind();
      await once(socket, "listening");
      const send = socket.send.bind(socket) as (...given: unknown[]) => void;
      return Object.assign(socket, {
        connect: (_port: number, _address: string, done: () => void) => done(),
        send: (message: Buffer, done: () => void) => send(message, upstream.port, upstream.address, done),
      });
    };
    const asker = client({ servers: [upstream], openUdp });
    expect(await answer(createResolver(), asker, query("a.example"))).toMatchObject({
      answers: [{ data: "192.0.2.1" }],
    });
  });

  test("comes late", async () => {
    const late: Received[] = [];
    const { upstream } = await server((received) => late.push(received));
    const { ask } = asking([upstream], 20);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
    // Nobody has the socket any more; and nothing is thrown.
    late.forEach(answering("192.0.2.1"));
    expect(await asking([upstream], 20).ask(query("b.example"))).toMatchObject({ rcode: "SERVFAIL" });
  });
});

describe("what has no room in a datagram", () => {
  const addresses = Array.from({ length: 200 }, (_, index) => address("a.example", `192.0.2.${index}`));
  const large = ({ message, transport, reply: send }: Received): void =>
    send(
      transport === "tcp"
        ? reply(message, { answers: addresses })
        : reply(message, { flags: 0x200, answers: addresses.slice(0, 3) }),
    );

  test("is told a client by UDP", async () => {
    const { upstream, seen } = await server(large);
    const { ask } = asking([upstream]);
    for (const _ of ["once", "and again: it isn't kept"]) {
      expect(await ask(query("a.example"))).toMatchObject({ rcode: "NOERROR", flag_tc: true, answers: [{}, {}, {}] });
    }
    expect(seen.map(({ transport }) => transport)).toEqual(["udp", "udp"]);
  });

  test("comes to a client by TCP, and then is there for one by UDP that takes it or comes again", async () => {
    const { upstream, seen } = await server(large);
    const { ask } = asking([upstream]);
    const whole = await ask(query("a.example"), "tcp");
    expect(whole.flag_tc).toBe(false);
    expect(whole.answers).toHaveLength(200);
    expect(await ask(query("a.example"), "udp")).toMatchObject({ flag_tc: true, answers: [] });
    expect(seen.map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
  });

  test("is truncated in the middle of a record by some", async () => {
    const { upstream } = await server(({ message, reply: send }) =>
      send(reply(message, { flags: 0x200, answers: addresses }).subarray(0, 500)),
    );
    expect(await asking([upstream]).ask(query("a.example"))).toMatchObject({ flag_tc: true, answers: [] });
  });

  test.each([
    ["closes", (received: Received) => received.transport === "tcp" && received.reply(Buffer.alloc(3))],
    [
      "answers something else",
      (received: Received) => received.transport === "tcp" && received.reply(query("b.example")),
    ],
    ["says SERVFAIL", (received: Received) => received.transport === "tcp" && failing(2)(received)],
  ])("fails when the server %s by TCP", async (_, byTcp) => {
    const { upstream } = await server(
      (received) => void (received.transport === "udp" ? large(received) : byTcp(received)),
    );
    expect(await asking([upstream], 1e6).ask(query("a.example"), "tcp")).toMatchObject({ rcode: "SERVFAIL" });
  });

  test("is in time, or fails", async () => {
    const { upstream } = await server((received) => void (received.transport === "udp" && large(received)));
    expect(await asking([upstream], 50).ask(query("a.example"), "tcp")).toMatchObject({ rcode: "SERVFAIL" });
  });
});

describe("EDNS", () => {
  const asked = { udpSize: 4096, dnssecOk: true };
  const ofServer = {
    type: "OPT" as const,
    name: ".",
    udpPayloadSize: 4000,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0x8000,
    flag_do: true,
    options: [],
  };

  test("is ours towards the server, with the client's DO bit and nothing else of it", async () => {
    const { upstream, seen } = await server(({ message, reply: send }) =>
      send(reply(message, { answers: [address("a.example", "192.0.2.1")], additionals: [ofServer] })),
    );
    const { ask } = asking([upstream]);
    for (const _ of ["asked", "kept"]) {
      const { additionals, answers } = await ask(query("a.example", "A", asked));
      expect(answers).toHaveLength(1);
      expect(additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232, flag_do: true }]);
    }
    expect(seen.map(({ message }) => read(message).additionals)).toMatchObject([
      [{ udpPayloadSize: 1232, flag_do: true, options: [] }],
    ]);
  });

  test("isn't asked for by those that don't have it", async () => {
    const { upstream, seen } = await server(answering("192.0.2.1"));
    expect((await asking([upstream]).ask(query("a.example"))).additionals).toEqual([]);
    expect(seen.map(({ message }) => read(message).additionals)).toEqual([[]]);
  });

  test("is left out for a server that doesn't know it", async () => {
    const { upstream, seen } = await server((received) =>
      (received.message.readUInt16BE(10) === 0 ? answering("192.0.2.1") : failing(1))(received),
    );
    expect(await asking([upstream]).ask(query("a.example", "A", asked))).toMatchObject({
      answers: [{ data: "192.0.2.1" }],
      additionals: [{ type: "OPT" }],
    });
    expect(seen).toHaveLength(2);
  });

  test("may hold the upper half of a code", async () => {
    const { upstream } = await server(({ message, reply: send }) =>
      send(reply(message, { additionals: [{ ...ofServer, extendedRcode: 1 }] })),
    );
    expect(await asking([upstream]).ask(query("a.example", "A", asked))).toMatchObject({ rcode: "SERVFAIL" });
  });

  test("before other additional records takes those with it", async () => {
    const { upstream } = await server(({ message, reply: send }) =>
      send(
        reply(message, {
          answers: [address("a.example", "192.0.2.1")],
          additionals: [ofServer, address("b.example", "192.0.2.2")],
        }),
      ),
    );
    const { answers, additionals } = await asking([upstream]).ask(query("a.example", "A", asked));
    expect(answers).toHaveLength(1);
    expect(additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232 }]);
  });
});

describe("sockets", () => {
  test("are those that the client's servers are to be asked with", async () => {
    const opened: string[] = [];
    const { upstream } = await server(({ message, transport, reply: send }) =>
      send(reply(message, { flags: transport === "udp" ? 0x200 : 0 })),
    );
    const asker = client({
      servers: [upstream],
      openUdp: async ({ port }) => {
        opened.push(`udp ${port}`);
        return createSocket("udp4");
      },
      connectTcp: async ({ port = 0, address: host }) => {
        opened.push(`tcp ${port}`);
        return connect(port, host);
      },
    });
    await answer(createResolver(), asker, query("a.example"), "tcp");
    expect(opened).toEqual([`udp ${upstream.port}`, `tcp ${upstream.port}`]);
  });

  test.each([
    ["can't be opened", () => Promise.reject(new Error("no namespace"))],
    [
      "can't be opened, at once",
      () => {
        throw new Error("no namespace");
      },
    ],
    ["are of the other family", () => createSocket("udp6")],
  ])("that %s fail the query", async (_, openUdp) => {
    const asker = client({ servers: [{ address: loopback, port: 9 }], openUdp });
    expect(await answer(createResolver(), asker, query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
  });

  test("that can't reach the server fail the query at once", async () => {
    for (const far of ["255.255.255.255", "fe80::1"]) {
      const { ask } = asking([{ address: parseIp(far), port: 53 }], 1e6);
      expect(await ask(query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
    }
  });
});

describe("the resolver itself", () => {
  test("is no server to forward to", async () => {
    const { upstream, seen } = await server(answering("192.0.2.1"));
    const { ask } = asking([{ address: parseIp("127.0.0.11"), port: 9 }, upstream]);
    expect(await ask(query("a.example"))).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
    expect(seen).toHaveLength(1);
  });

  test("alone leaves nobody to ask, which doesn't mean that there is no such name", async () => {
    const { ask } = asking([{ address: parseIp("127.0.0.11") }], 1e6);
    expect(await ask(query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
  });

  test("may have other addresses", async () => {
    const { upstream, seen } = await server(answering("192.0.2.1"));
    const resolver = createResolver({ ownAddresses: [loopback] });
    expect(await answer(resolver, client({ servers: [upstream] }), query("a.example"))).toMatchObject({
      rcode: "SERVFAIL",
    });
    expect(seen).toHaveLength(0);
  });
});

describe("too many queries at a time", () => {
  test("of one client are refused at once, and others have theirs", async () => {
    const held: Received[] = [];
    const { upstream } = await server((received) => {
      if (held.push(received) === 5) held.forEach(answering("192.0.2.1"));
    });
    const resolver = createResolver({ limits: { forwardsPerClient: 4, timeoutMs: 5000 } });
    const [greedy, modest] = [client({ servers: [upstream] }), client({ servers: [upstream] })];
    const first = [1, 2, 3, 4].map((number) => answer(resolver, greedy, query(`${number}.example`)));
    const fifth = resolver.resolve(query("5.example"), greedy);
    expect(read(fifth as Buffer)).toMatchObject({ rcode: "REFUSED" });
    expect(read(resolver.resolve(query("web"), greedy) as Buffer)).toMatchObject({ rcode: "NOERROR" });
    expect(await answer(resolver, modest, query("1.example"))).toMatchObject({ rcode: "NOERROR" });
    for (const each of await Promise.all(first)) expect(each.rcode).toBe("NOERROR");
    expect(resolver.stats).toMatchObject({ overLimit: 1, forwarding: 0 });
  });

  test("of all are refused to those with many of them", async () => {
    const { upstream } = await server(silent);
    const resolver = createResolver({ limits: { forwards: 20, timeoutMs: 100 } });
    const [greedy, modest] = [client({ servers: [upstream] }), client({ servers: [upstream] })];
    const asked = Array.from({ length: 20 }, (_, number) => answer(resolver, greedy, query(`${number}.example`)));
    expect(read(resolver.resolve(query("20.example"), greedy) as Buffer)).toMatchObject({ rcode: "REFUSED" });
    const others = Array.from({ length: 8 }, (_, number) => answer(resolver, modest, query(`${number}.example`)));
    expect(read(resolver.resolve(query("8.example"), modest) as Buffer)).toMatchObject({ rcode: "REFUSED" });
    for (const each of await Promise.all([...asked, ...others])) expect(each.rcode).toBe("SERVFAIL");
  });
});
