import { expect, test } from "vitest";
import {
  createLink,
  delFilter,
  delQdisc,
  findLink,
  listFilters,
  listQdiscs,
  newFilter,
  newQdisc,
  replaceQdisc,
  type Filter,
} from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

test("what tc shows of a token bucket is what was asked for, and is read back", () => {
  using host = makeNamespace();
  using socket = host.open();
  const { ifindex } = createLink(socket, { kind: "veth", name: "v0", up: true, peer: { name: "v1" } });
  const bucket = { kind: "tbf", ifindex, rate: 1_250_000, burst: 16_384, limit: 47_634 } as const;
  expect(() => socket.request(delQdisc({ ifindex, parent: "root" }))).toThrow(
    expect.objectContaining({ code: "ENOENT" }),
  );
  socket.request(newQdisc(bucket));
  expect(host.tcJson("qdisc show dev v0")).toMatchObject([
    { kind: "tbf", root: true, options: { rate: 1_250_000, burst: expect.closeTo(16_384, -0.5), lat: 25_000 } },
  ]);
  expect(listQdiscs(socket, { ifindex })).toEqual([
    {
      ifindex,
      handle: expect.any(Number),
      parent: "root",
      kind: "tbf",
      info: { kind: "tbf", rate: 1_250_000, burst: expect.closeTo(16_384, -0.5), limit: 47_634 },
    },
  ]);
  expect(() => socket.request(newQdisc(bucket))).toThrow(expect.objectContaining({ code: "EEXIST" }));

  // More than 32 bits hold: 80 Gbit/s.
  socket.request(replaceQdisc({ ...bucket, rate: 10_000_000_000, burst: 10_000_000, limit: 20_000_000 }));
  expect(host.tcJson("qdisc show dev v0")).toMatchObject([{ kind: "tbf", options: { rate: 10_000_000_000 } }]);
  const [found] = listQdiscs(socket, { ifindex });
  // To what goes in 64 ns.
  expect(found?.info).toMatchObject({
    rate: 10_000_000_000,
    burst: expect.closeTo(10_000_000, -3.2),
    limit: 20_000_000,
  });

  host.tc("qdisc replace dev v0 root tbf rate 8mbit burst 20000 limit 30000");
  expect(listQdiscs(socket, { ifindex })[0]?.info).toMatchObject({ rate: 1_000_000, limit: 30_000 });
  host.tc("qdisc replace dev v0 root htb");
  expect(() => socket.request(newQdisc({ ...bucket, handle: 0x70000 }))).toThrow(
    expect.objectContaining({ code: "EEXIST" }),
  );
  socket.request(replaceQdisc({ ...bucket, handle: 0x70000 }));
  expect(host.tcJson("qdisc show dev v0")).toMatchObject([{ kind: "tbf", handle: "7:" }]);
  socket.request(delQdisc({ ifindex, parent: "root" }));
  expect(host.tcJson("qdisc show dev v0")).toMatchObject([{ kind: "noqueue" }]);
});

test.each(["ingress", "clsact"] as const)("a redirection to an ifb hangs on %s, and goes with it", (kind) => {
  using host = makeNamespace();
  using socket = host.open();
  const { ifindex } = createLink(socket, { kind: "veth", name: "v0", up: true, peer: { name: "v1" } });
  const ifb = createLink(socket, { kind: "ifb", name: "i0", up: true });
  expect(findLink(socket, "i0")).toMatchObject({ kind: "ifb", info: { kind: "ifb" } });
  const filter: Filter = {
    ifindex,
    direction: "ingress",
    priority: 7,
    matches: [{ value: 0, mask: 0, offset: 0 }],
    actions: [{ action: "redirect", as: "egress", ifindex: ifb.ifindex }],
  };
  expect(() => socket.request(newFilter(filter))).toThrow(expect.objectContaining({ code: "EINVAL" }));
  expect(listFilters(socket, { ifindex, direction: "ingress" })).toEqual([]);
  socket.batchOrThrow([newQdisc({ kind, ifindex }), newFilter(filter)]);
  expect(() => socket.request(newFilter(filter))).toThrow(expect.objectContaining({ code: "EEXIST" }));
  expect(host.tcJson("filter show dev v0 ingress").at(-1)).toMatchObject({
    protocol: "all",
    pref: 7,
    kind: "u32",
    options: {
      fh: "800::800",
      match: { value: "0", mask: "0" },
      actions: [{ kind: "mirred", mirred_action: "redirect", direction: "egress", to_dev: "i0" }],
    },
  });
  expect(listFilters(socket, { ifindex, direction: "ingress" })).toEqual([{ ...filter, kind: "u32" }]);
  expect(listQdiscs(socket, { ifindex })).toContainEqual(
    expect.objectContaining({ kind, info: { kind }, handle: 0xffff0000 }),
  );

  expect(() => socket.request(delQdisc({ ifindex: ifb.ifindex, parent: "ingress" }))).toThrow(
    expect.objectContaining({ code: "ENOENT" }),
  );
  socket.request(delFilter(filter));
  expect(listFilters(socket, { ifindex, direction: "ingress" })).toEqual([]);
  socket.batchOrThrow([newFilter(filter), delQdisc({ ifindex, parent: "ingress" })]);
  expect(host.tcJson("filter show dev v0 ingress")).toEqual([]);
  expect(() => socket.request(delQdisc({ ifindex, parent: "ingress" }))).toThrow(
    expect.objectContaining({ code: "ENOENT" }),
  );
});

test("what is sent is filtered by a clsact", () => {
  using host = makeNamespace();
  using socket = host.open();
  const { ifindex } = createLink(socket, { kind: "veth", name: "v0", peer: { name: "v1" } });
  const ifb = createLink(socket, { kind: "ifb", name: "i0" });
  const filter: Filter = {
    ifindex,
    direction: "egress",
    priority: 1,
    matches: [{ value: 0x0a000000, mask: 0xff000000, offset: 16 }],
    actions: [{ action: "mirror", as: "ingress", ifindex: ifb.ifindex }],
  };
  socket.batchOrThrow([newQdisc({ kind: "clsact", ifindex }), newFilter(filter)]);
  expect(host.tcJson("filter show dev v0 egress").at(-1)).toMatchObject({
    options: { actions: [{ mirred_action: "mirror", direction: "ingress", to_dev: "i0" }] },
  });
  expect(listFilters(socket, { ifindex, direction: "egress" })).toEqual([{ ...filter, kind: "u32" }]);
});
