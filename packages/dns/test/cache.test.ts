import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Cache, Caches } from "../src/cache.ts";
import { createResolver, type Client } from "../src/index.ts";
import type { Response } from "../src/response.ts";
import { answer, client, query } from "./clients.ts";
import { address, answering, reply, server, soa, type Received } from "./servers.ts";

/** A resolver whose clock is set by hand. */
function clocked() {
  const clock = { ms: 1e9 };
  return { clock, resolver: createResolver({ now: () => clock.ms, limits: { timeoutMs: 5000 } }) };
}

async function asking(behave: (received: Received) => void) {
  const { upstream, seen } = await server(behave);
  const asker = client({ servers: [upstream] });
  return { ...clocked(), asker, seen };
}

describe("what a server said", () => {
  test("is kept as long as its TTL, which grows shorter", async () => {
    const { resolver, clock, asker, seen } = await asking(answering("192.0.2.1", 60));
    const ttl = async () =>
      (await answer(resolver, asker, query("a.example"))).answers?.map((record) => "ttl" in record && record.ttl);
    expect(await ttl()).toEqual([60]);
    clock.ms += 59_999;
    expect(await ttl()).toEqual([1]);
    expect(seen).toHaveLength(1);
    clock.ms += 1;
    expect(await ttl()).toEqual([60]);
    expect(seen).toHaveLength(2);
    expect(resolver.stats).toMatchObject({ queries: 3, cached: 1, forwarded: 2, failed: 0, forwarding: 0 });
  });

  test.each(["1970-01-02", "2099-01-01"])("is kept as long when the clock is set to %s", async (date) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { upstream, seen } = await server(answering("192.0.2.1", 60));
    const [resolver, asker] = [createResolver(), client({ servers: [upstream] })];
    const ttl = async () =>
      (await answer(resolver, asker, query("a.example"))).answers?.map((record) => "ttl" in record && record.ttl);
    expect(await ttl()).toEqual([60]);
    vi.setSystemTime(date);
    expect((await ttl())?.[0]).toBeGreaterThan(50);
    expect(seen).toHaveLength(1);
  });

  test("goes with the shortest of its TTLs", async () => {
    const { resolver, clock, asker, seen } = await asking(({ message, reply: send }) =>
      send(
        reply(message, {
          answers: [address("a.example", "192.0.2.1", 300)],
          additionals: [address("b.example", "192.0.2.2", 7)],
        }),
      ),
    );
    for (const after of [0, 6999, 1]) {
      clock.ms += after;
      await answer(resolver, asker, query("a.example"));
    }
    expect(seen).toHaveLength(2);
  });

  test("is kept an hour at most", async () => {
    const { resolver, clock, asker, seen } = await asking(answering("192.0.2.1", 0x7fff_ffff));
    for (const after of [0, 3_599_999, 1]) {
      clock.ms += after;
      await answer(resolver, asker, query("a.example"));
    }
    expect(seen).toHaveLength(2);
  });

  test.each([0, 0x8000_0000, 0xffff_ffff])("with a TTL of %s isn't kept", async (ttl) => {
    const { resolver, asker, seen } = await asking(answering("192.0.2.1", ttl));
    await answer(resolver, asker, query("a.example"));
    await answer(resolver, asker, query("a.example"));
    expect(seen).toHaveLength(2);
  });

  test("is found in whatever case, with the question as it was asked", async () => {
    const { resolver, asker, seen } = await asking(answering("192.0.2.1"));
    await answer(resolver, asker, query("a.EXAMPLE"));
    const again = await answer(resolver, asker, query("A.example", "A", { id: 7 }));
    expect(again).toMatchObject({ id: 7, questions: [{ name: "A.example" }], answers: [{ data: "192.0.2.1" }] });
    expect(seen).toHaveLength(1);
  });

  test.each([
    ["another type", query("a.example", "ANY")],
    ["the DO bit", query("a.example", "A", { udpSize: 1232, dnssecOk: true })],
    ["EDNS", query("a.example", "A", { udpSize: 1232 })],
    ["checking disabled", query("a.example", "A", { flags: 0x110 })],
    ["authentic data", query("a.example", "A", { flags: 0x120 })],
    ["no recursion", query("a.example", "A", { flags: 0 })],
    ["another name", query("b.example")],
  ])("isn't the answer with %s", async (_, other) => {
    const { resolver, asker, seen } = await asking(answering("192.0.2.1"));
    for (const message of [query("a.example"), other, query("a.example"), other])
      await answer(resolver, asker, message);
    expect(seen).toHaveLength(2);
  });

  test("isn't the answer for those with other servers, nor with the same ones asked in another way", async () => {
    const { upstream, seen } = await server(answering("192.0.2.1"));
    const { resolver } = clocked();
    const shared = { servers: [upstream] };
    const askers: Client[] = [client(shared), client(shared), client({ servers: [upstream] })];
    for (const asker of askers) await answer(resolver, asker, query("a.example"));
    expect(seen).toHaveLength(2);
  });

  test("follows a client to other servers at once", async () => {
    const [one, other] = [await server(answering("192.0.2.1")), await server(answering("192.0.2.2"))];
    const { resolver } = clocked();
    const asker = { ...client(), upstreams: { servers: [one.upstream] } };
    expect(await answer(resolver, asker, query("a.example"))).toMatchObject({ answers: [{ data: "192.0.2.1" }] });
    asker.upstreams = { servers: [other.upstream] };
    expect(await answer(resolver, asker, query("a.example"))).toMatchObject({ answers: [{ data: "192.0.2.2" }] });
  });
});

describe("a no", () => {
  test.each([
    ["that the name doesn't exist", 3, [soa(300, 60)], 60],
    ["that there is nothing of the type", 0, [soa(300, 60)], 60],
    ["whose SOA record lives shorter than its minimum", 3, [soa(30, 60)], 30],
    ["for longer than we believe it", 3, [soa(86_400, 86_400)], 900],
  ])("%s is kept", async (_, rcode, authorities, seconds) => {
    const { resolver, clock, asker, seen } = await asking(({ message, reply: send }) =>
      send(reply(message, { rcode, authorities })),
    );
    const first = await answer(resolver, asker, query("a.example"));
    clock.ms += seconds * 1000 - 1;
    const second = await answer(resolver, asker, query("a.example"));
    expect([first.rcode, second.rcode]).toEqual(rcode === 3 ? ["NXDOMAIN", "NXDOMAIN"] : ["NOERROR", "NOERROR"]);
    expect(seen).toHaveLength(1);
    clock.ms += 1;
    await answer(resolver, asker, query("a.example"));
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["without SOA record", 3, []],
    ["with a referral", 0, [{ type: "NS" as const, name: "example", ttl: 60, data: "ns.example" }]],
  ])("%s isn't kept", async (_, rcode, authorities) => {
    const { resolver, asker, seen } = await asking(({ message, reply: send }) =>
      send(reply(message, { rcode, authorities })),
    );
    await answer(resolver, asker, query("a.example"));
    await answer(resolver, asker, query("a.example"));
    expect(seen).toHaveLength(2);
  });

  test("about an alias's target is kept as its SOA record says", async () => {
    const { resolver, clock, asker, seen } = await asking(({ message, reply: send }) =>
      send(
        reply(message, {
          answers: [{ type: "CNAME", name: "a.example", ttl: 300, data: "b.example" }],
          authorities: [soa(300, 20)],
        }),
      ),
    );
    for (const after of [0, 19_999, 1]) {
      clock.ms += after;
      await answer(resolver, asker, query("a.example"));
    }
    expect(seen).toHaveLength(2);
  });
});

test("a failure is kept for a second", async () => {
  const { resolver, clock, asker, seen } = await asking(({ message, reply: send }) =>
    send(reply(message, { rcode: 2 })),
  );
  for (const [after, count] of [
    [0, 1],
    [999, 1],
    [1, 2],
  ] as const) {
    clock.ms += after;
    expect(await answer(resolver, asker, query("a.example"))).toMatchObject({ rcode: "SERVFAIL" });
    expect(seen).toHaveLength(count);
  }
});

function response(bytes: number): Response {
  return {
    rcode: 0,
    message: Buffer.alloc(bytes),
    ttls: [],
    isTruncated: false,
    isNegative: false,
    keepSeconds: 60,
  };
}

describe("a cache", () => {
  test("forgets what was used least recently", () => {
    const budget = { maxBytes: 1e6, usedBytes: 0 };
    const cache = new Cache(4000, budget);
    for (const key of ["a", "b", "c"]) cache.set(key, response(600), 60, 0);
    cache.get("a", 0);
    cache.set("d", response(600), 60, 0);
    expect(["a", "b", "c", "d"].filter((key) => cache.get(key, 0) !== undefined)).toEqual(["a", "c", "d"]);
    expect(budget.usedBytes).toBeLessThanOrEqual(4000);
  });

  test("takes nothing that is larger than itself, and loses nothing of others", () => {
    const budget = { maxBytes: 10_000, usedBytes: 0 };
    const [one, other] = [new Cache(9000, budget), new Cache(9000, budget)];
    one.set("kept", response(8000), 60, 0);
    other.set("a", response(2000), 60, 0);
    other.set("b", response(65_000), 60, 0);
    expect(one.get("kept", 0)).toBeDefined();
    expect(other.get("a", 0)).toBeUndefined();
    one.clear();
    expect(budget.usedBytes).toBe(0);
    other.set("a", response(2000), 60, 0);
    expect(other.get("a", 0)).toBeDefined();
  });

  test("never holds more than it may, whatever is done", () => {
    const step = fc.record({
      key: fc.nat(20),
      bytes: fc.nat(3000),
      seconds: fc.nat(5),
      wait: fc.nat(3000),
      set: fc.boolean(),
      which: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const budget = { maxBytes: 9000, usedBytes: 0 };
        const caches = [0, 1, 2].map(() => new Cache(5000, budget));
        let now = 0;
        for (const { key, bytes, seconds, wait, set, which } of steps) {
          now += wait;
          if (set) caches[which]?.set(`${key}`, response(bytes), seconds, now);
          const found = caches[(which + 1) % 3]?.get(`${key}`, now);
          expect(found?.ageSeconds ?? 0).toBeLessThan(5);
          expect(budget.usedBytes).toBeLessThanOrEqual(9000);
        }
        for (const cache of caches) cache.clear();
        expect(budget.usedBytes).toBe(0);
      }),
    );
  });

  test("goes with its owner, and others have its room", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const caches = new Caches(5000, 5000);
    caches.of({}).set("a", response(4000), 60, 0);
    const other = caches.of(caches);
    other.set("b", response(4000), 60, 0);
    expect(other.get("b", 0)).toBeUndefined();
    while (other.get("b", 0) === undefined) {
      collect();
      await new Promise((turn) => setImmediate(turn));
      other.set("b", response(4000), 60, 0);
    }
  });

  test("is found again by its owner alone", () => {
    const caches = new Caches(1000, 2000);
    const [one, other] = [{}, {}];
    expect(caches.of(one)).toBe(caches.of(one));
    expect(caches.of(one)).not.toBe(caches.of(other));
  });
});
