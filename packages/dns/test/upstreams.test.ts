import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { parseIp } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { answer, client, loopback, query, read } from "./clients.ts";
import { answering, asking, reply, server, silent, type Received } from "./servers.ts";

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
