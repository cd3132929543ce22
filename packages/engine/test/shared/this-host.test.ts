import type { HostId, Ip } from "@netkit/core";
import { expect, test } from "vitest";
import { describeHost } from "../../src/shared/this-host.ts";
import { hostWith, link } from "./links.ts";
import { idOf } from "./records.ts";

const lo = link("lo", 65_536, "127.0.0.1/8", "::1/128");
const eth0 = link("eth0", 1_500, "fe80::1/64", "2001:db8::7/64", "192.0.2.7/24");
const eth1 = link("eth1", 9_000, "fe80::2/64", "2001:db8:1::7/64");
const down = link("eth2", 1_500, "fe80::3/64");

const host = hostWith([lo, eth0, eth1, down], eth0);
const id = idOf<HostId>("1");

test.each([
  [undefined, { link: "eth0", vtep: "192.0.2.7", mtu: 1_500 }],
  ["eth1", { link: "eth1", vtep: "2001:db8:1::7", mtu: 9_000 }],
  ["2001:db8::7", { link: "eth0", vtep: "2001:db8::7", mtu: 1_500 }],
])("a host that advertises %s is reached so", (advertise, found) => {
  const options = { name: "a", ...(advertise === undefined ? {} : { advertise }) };
  expect(describeHost(host, { options, isOthers: true }, id)).toMatchObject({ id, name: "a", ...found });
});

test.each([
  ["eth0", "2001:db8::7", "2001:db8::7"],
  ["eth0", "192.0.2.8", "192.0.2.7"],
  ["192.0.2.7", "2001:db8::7", "192.0.2.7"],
])("one that advertises %s and was reached by %s is reached by %s", (advertise, before, now) => {
  const found = describeHost(host, { options: { advertise }, isOthers: true }, id, before as Ip);
  expect(found).toMatchObject({ link: "eth0", vtep: now });
});

test("one that leads nowhere can be alone, and nobody else can be told of it", () => {
  const nowhere = hostWith([lo, down]);
  const alone = describeHost(nowhere, { options: {}, isOthers: false }, id);
  expect(alone).toMatchObject({ link: "lo", vtep: "127.0.0.1", mtu: 65_536 });
  expect(() => describeHost(nowhere, { options: {}, isOthers: true }, id)).toThrow(
    expect.objectContaining({ code: "LINK_NOT_FOUND", hint: expect.stringContaining("--advertise") as unknown }),
  );
});

test.each([
  ["eth9", "LINK_NOT_FOUND", "this host has no link 'eth9'"],
  ["eth2", "LINK_NOT_FOUND", "no address is on the link 'eth2'"],
  ["lo", "LINK_NOT_FOUND", "'lo', whose address is 127.0.0.1, leads every other host to itself"],
  ["::1", "LINK_NOT_FOUND", "::1 leads every other host to itself"],
  ["192.0.2.8", "ARGUMENT_INVALID", "192.0.2.8 is no address of this host"],
])("it can't advertise %s", (advertise, code, message) => {
  expect(() => describeHost(host, { options: { advertise }, isOthers: true }, id)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) as unknown }),
  );
});

test("what only leads to itself will do where a file says so, and another address on the loopback does for all", () => {
  const shared = { options: { advertise: "127.0.0.1" }, isOthers: true, file: "/hosts.yaml" };
  expect(describeHost(host, shared, id)).toMatchObject({ link: "lo", vtep: "127.0.0.1" });
  const routed = hostWith([link("lo", 65_536, "127.0.0.1/8", "::1/128", "192.0.2.9/32")]);
  const options = { advertise: "lo" };
  for (const before of [undefined, "127.0.0.1" as Ip])
    expect(describeHost(routed, { options, isOthers: true }, id, before)).toMatchObject({ vtep: "192.0.2.9" });
});
