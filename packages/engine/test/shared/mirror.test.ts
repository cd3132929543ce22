import { beforeEach, expect, test } from "vitest";
import { Mirror, subjectOf } from "../../src/shared/mirror.ts";
import { endpointOn, idOf, network } from "./records.ts";

let complaints: string[];
let mirror: Mirror;
beforeEach(() => {
  complaints = [];
  mirror = new Mirror((key) => complaints.push(key));
});

const endpoint = endpointOn("1", "b", "10.0.0.5");
const key = `endpoint/${network.id}/${endpoint.id}`;

test("a key says what it is of, and nothing is made of keys that nobody follows", () => {
  expect(subjectOf(`network/${network.id}`)).toEqual({ type: "network", network: network.id });
  expect(subjectOf(key)).toEqual({ type: "endpoint", network: network.id, endpoint: endpoint.id });
  expect(subjectOf(`host/${idOf("1")}`)).toEqual({ type: "host", host: idOf("1") });
  for (const other of [
    "networks",
    "network-name/web",
    "claim/vni/5",
    "network/web",
    `endpoint/${network.id}`,
    `${key}/x`,
  ])
    expect(subjectOf(other), other).toBeUndefined();
});

test("records come, change and go", () => {
  mirror.note(`network/${network.id}`, { ...network }, 3);
  mirror.note(key, { ...endpoint }, 4);
  mirror.note("networks", { id: network.id }, 3);
  expect(mirror.networks.get(network.id)).toEqual({ value: network, revision: 3 });
  expect(mirror.endpoints.get(endpoint.id)).toEqual({ value: endpoint, revision: 4 });
  expect(mirror.hasNetworks).toBe(true);
  mirror.note(key, undefined, 5);
  mirror.note("networks", undefined, 6);
  expect(mirror.endpoints.size).toBe(0);
  expect(mirror.hasNetworks).toBe(false);
  expect(complaints).toEqual([]);
});

test.each([
  ["of another shape", { id: endpoint.id }],
  ["with the id of another", { ...endpoint, id: idOf("c") }],
  ["of another network", { ...endpoint, network: idOf("c") }],
  ["with an address that isn't written as it is here", { ...endpoint, addresses: ["10.0.0.05/22"] }],
  ["with an IPv6 address in long form", { ...endpoint, vtep: "2001:db8:0:0:0:0:0:1" }],
  ["with a multicast MAC", { ...endpoint, mac: "01:00:5e:00:00:01" }],
  ["with a name that no sandbox can have", { ...endpoint, sandbox: { ...endpoint.sandbox, name: "../x" } }],
  ["that is no document", null],
])("a record %s is complained of, and there is none", (_, value) => {
  mirror.note(key, { ...endpoint }, 1);
  mirror.note(key, value, 2);
  expect(complaints).toEqual([key]);
  expect(mirror.endpoints.size).toBe(0);
});

test("what a record has beyond what is known is left out", () => {
  mirror.note(`network/${network.id}`, { ...network, facts: { links: {} }, realised: true, more: 1 }, 1);
  expect(mirror.networks.get(network.id)?.value).toEqual(network);
});
