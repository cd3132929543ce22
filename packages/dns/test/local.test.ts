import { parseIp } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { answer, client, known, names, query } from "./clients.ts";

const resolver = createResolver();
const sandbox = client();
const ask = (...asked: Parameters<typeof query>) => answer(resolver, sandbox, query(...asked));
const data = async (...asked: Parameters<typeof query>) =>
  (await ask(...asked)).answers?.map((record) => ("data" in record ? record.data : undefined));

describe("a known name", () => {
  test("has its addresses, of the family that is asked for", async () => {
    expect(await ask("web", "A")).toMatchObject({
      id: 0x1234,
      rcode: "NOERROR",
      flag_aa: true,
      flag_rd: true,
      flag_ra: true,
      flag_tc: false,
      questions: [{ name: "web", type: "A", class: "IN" }],
      answers: [{ name: "web", type: "A", class: "IN", ttl: 5, data: "10.7.0.2" }],
    });
    expect(await data("both", "A")).toEqual(["10.7.0.3"]);
    expect(await data("both", "AAAA")).toEqual(["fd00::3"]);
  });

  test("is found in whatever case, and asked back as it was", async () => {
    const message = query("wEb.MY-net");
    const reply = resolver.resolve(message, sandbox) as Buffer;
    expect(reply.subarray(12, message.length)).toEqual(message.subarray(12));
    expect(reply.readUInt16BE(6)).toBe(1);
  });

  test.each(["AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "PTR", "SRV", "UNKNOWN_65"] as const)(
    "has no %s, which is no error and nobody else's affair",
    async (type) => {
      expect(await ask("web", type)).toMatchObject({ rcode: "NOERROR", flag_aa: true, answers: [], authorities: [] });
    },
  );

  test("may have no address at all", async () => {
    expect(await ask("addressless")).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  test("has all its addresses for ANY", async () => {
    expect((await data("both", "ANY"))?.toSorted()).toEqual(["10.7.0.3", "fd00::3"]);
  });

  test("has its addresses in another order each time, all of them", async () => {
    const orders = new Set<string>();
    for (let turn = 0; turn < 20; turn++) {
      const found = (await answer(resolver, sandbox, query("many"), "tcp")).answers ?? [];
      const addresses = found.map((record) => (record.type === "A" ? record.data : ""));
      expect(addresses.toSorted()).toEqual(known["many"]?.toSorted());
      orders.add(addresses.join());
    }
    expect(orders.size).toBe(20);
  });

  test("comes first evenly often", () => {
    const firsts = new Map<string, number>();
    const two = client(undefined, { ...names, addresses: () => ["10.0.0.1", "10.0.0.2"].map(parseIp) });
    for (let turn = 0; turn < 2000; turn++) {
      const reply = resolver.resolve(query("a"), two) as Buffer;
      const first = reply.subarray(12 + 7 + 12, 12 + 7 + 16).join(".");
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    expect([...firsts.keys()].toSorted()).toEqual(["10.0.0.1", "10.0.0.2"]);
    // Eleven standard deviations.
    for (const count of firsts.values()) expect(count).toBeGreaterThan(750);
  });

  test("is answered at once", () => {
    expect(resolver.resolve(query("web"), sandbox)).toBeInstanceOf(Buffer);
  });

  test("follows what the client's names say", async () => {
    let addresses = ["10.0.0.1"];
    const moving = client(undefined, { ...names, addresses: () => addresses.map(parseIp) });
    expect((await answer(resolver, moving, query("x"))).answers).toMatchObject([{ data: "10.0.0.1" }]);
    addresses = ["10.0.0.2"];
    expect((await answer(resolver, moving, query("x"))).answers).toMatchObject([{ data: "10.0.0.2" }]);
  });
});

describe("an address", () => {
  test.each([
    ["2.0.7.10.in-addr.arpa", "web.my-net"],
    ["2.0.7.10.IN-ADDR.arpa", "web.my-net"],
    [`3${".0".repeat(29)}.d.f.ip6.arpa`, "both.my-net"],
    [`3${".0".repeat(29)}.D.F.ip6.ARPA`, "both.my-net"],
  ])("is found as %s", async (name, target) => {
    expect(await ask(name, "PTR")).toMatchObject({ rcode: "NOERROR", flag_aa: true, answers: [{ data: target }] });
    expect(await ask(name, "A")).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  test.each([
    "9.0.7.10.in-addr.arpa",
    "0.7.10.in-addr.arpa",
    "02.0.7.10.in-addr.arpa",
    "256.0.7.10.in-addr.arpa",
    "1.2.0.7.10.in-addr.arpa",
    "3.0.d.f.ip6.arpa",
    `30${".0".repeat(29)}.d.f.ip6.arpa`,
  ])("isn't found as %s", async (name) => {
    expect(await ask(name, "PTR")).toMatchObject({ rcode: "NXDOMAIN", flag_aa: false });
  });

  test("whose name can't be written has none", async () => {
    for (const pointer of ["", "a..b", "x".repeat(64), "ä", `${"x.".repeat(127)}x`]) {
      const odd = client(undefined, { ...names, pointer: () => pointer });
      expect(await answer(resolver, odd, query("1.0.0.10.in-addr.arpa", "PTR"))).toMatchObject({
        rcode: "NOERROR",
        answers: [],
      });
    }
  });
});

describe("a service", () => {
  test.each([
    ["_443._tcp.web", "web", 443],
    ["_53._udp.web.my-net", "web.my-net", 53],
    ["_9._sctp.both", "both", 9],
    ["_HTTP._tcp.Web", "web", 8080],
  ])("%s is at the name, at its port", async (name, target, port) => {
    expect(await ask(name, "SRV")).toMatchObject({
      rcode: "NOERROR",
      flag_aa: true,
      answers: [{ type: "SRV", class: "IN", ttl: 5, data: { target, port, priority: 0, weight: 0 } }],
    });
    expect(await ask(name, "A")).toMatchObject({ rcode: "NOERROR", answers: [] });
  });

  test.each(["_0._tcp.web", "_65536._tcp.web", "_https._tcp.web", "_http._udp.web"])(
    "%s of a known name doesn't exist, and nobody else is asked",
    async (name) => {
      expect(await ask(name, "SRV")).toMatchObject({ rcode: "NXDOMAIN", flag_aa: true });
    },
  );

  test.each(["_443._tcp.nobody", "_443._dccp.web", "_443.web", "_tcp.web"])("%s is no service", async (name) => {
    expect(await ask(name, "SRV")).toMatchObject({ rcode: "NXDOMAIN", flag_aa: false });
  });
});

test("without servers, what isn't known doesn't exist", async () => {
  expect(await ask("example.com")).toMatchObject({ rcode: "NXDOMAIN", flag_aa: false, flag_ra: true, answers: [] });
});

test("names that aren't settled are asked once they are; if they can't be, the query fails", async () => {
  const known = new Map([["web", [parseIp("10.7.0.2")]]]);
  let settle = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const resolver = createResolver({ onError: (error) => errors.push(error) });
  const late = client(undefined, { ...names, addresses: (name) => known.get(name), settled: () => settle.promise });
  const asked = answer(resolver, late, query("db"));
  known.set("db", [parseIp("10.7.0.3")]);
  settle.resolve();
  expect(await asked).toMatchObject({ rcode: "NOERROR", answers: [{ data: "10.7.0.3" }] });
  settle = Promise.withResolvers<void>();
  settle.reject(new Error("no store"));
  expect(await answer(resolver, late, query("db"))).toMatchObject({ rcode: "SERVFAIL" });
  expect(errors).toEqual([new Error("no store")]);
});

test("what the names throw is told, and the query fails", async () => {
  const errors: unknown[] = [];
  const telling = createResolver({ onError: (error) => errors.push(error) });
  const broken = client(undefined, {
    ...names,
    addresses: () => {
      throw new Error("no store");
    },
  });
  expect(await answer(telling, broken, query("web"))).toMatchObject({ rcode: "SERVFAIL" });
  expect(errors).toEqual([new Error("no store")]);
});
