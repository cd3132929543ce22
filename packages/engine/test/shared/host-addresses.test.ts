import type { HostId, Ip } from "@netkit/core";
import { expect, test } from "vitest";
import { wrongAddresses } from "../../src/shared/host-addresses.ts";
import { idOf } from "./records.ts";

const host = (digit: string, name: string, vtep: string) => ({ id: idOf<HostId>(digit), name, vtep: vtep as Ip });

test("hosts that are reached by one address are named with it, a host that is known twice is not", () => {
  const [a, b] = [host("a", "one", "192.0.2.1"), host("b", "two", "192.0.2.2")];
  expect(wrongAddresses([a, b, a])).toEqual([]);
  expect(wrongAddresses([a, b, host("c", "three", "192.0.2.1")]).map(({ message }) => message)).toEqual([
    "the hosts 'one' (aaaaaaaaaaaa), 'three' (cccccccccccc) have one address, 192.0.2.1, where their tunnels end: what is meant for one gets to another",
  ]);
});

test("hosts of two families are told apart", () => {
  const hosts = [host("a", "one", "192.0.2.1"), host("b", "two", "2001:db8::2"), host("c", "three", "192.0.2.3")];
  expect(wrongAddresses(hosts).map(({ message }) => message)).toEqual([
    "'one' (aaaaaaaaaaaa), 'three' (cccccccccccc) are reached by IPv4, and 'two' (bbbbbbbbbbbb) by IPv6: no tunnel joins them, and nothing gets from the ones to the others",
  ]);
});
