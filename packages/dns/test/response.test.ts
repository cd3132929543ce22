import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { answer, client, query, read } from "./clients.ts";
import { address, answering, asking, failing, reply, server, withoutQuestion, type Received } from "./servers.ts";

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

describe("an answer is left alone that", () => {
  test.each([
    ["has another id", other(altered(1, 1))],
    ["is a query", other(altered(2, 0x80))],
    ["has another opcode", other(altered(2, 0x08))],
    ["is about another name", other(altered(13, 1))],
    ["is about another type", other(altered(24, 1))],
    ["has no question", other(altered(5, 1))],
    ["has no question, and says no", other((good) => withoutQuestion(good, 3))],
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
