import { expect, test } from "vitest";
import { parseEnvironment } from "../src/environment.ts";
import { parseResult } from "../src/result.ts";
import { theirEndpoint } from "../src/their-interface.ts";

const environment = parseEnvironment({
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
});
const inside = { name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" };
const of = (interfaces: object[], ...ips: object[]) =>
  theirEndpoint(parseResult({ interfaces, ips }, "1.0.0"), environment);

test("the reference bridge's: its addresses and MAC, by its bridge", () => {
  const addresses = [
    { address: "10.1.0.5/16", interface: 2 },
    { address: "10.2.0.5/16", interface: 3 },
    { address: "fd00::5/64" },
  ];
  const other = { name: "net1", sandbox: "/run/netns/c1" };
  expect(of([{ name: "cni0" }, { name: "veth1" }, inside, other], ...addresses)).toEqual({
    theirs: { addresses: ["10.1.0.5/16", "fd00::5/64"], link: "cni0" },
    mac: "02:00:00:00:00:01",
  });
});

test("one that nothing of the host leads to, as macvlan tells of it", () => {
  const { mac: _, ...bare } = inside;
  expect(of([bare], { address: "10.1.0.5/16", interface: 0 })).toEqual({ theirs: { addresses: ["10.1.0.5/16"] } });
});

test("others of the container and the host's of that name are none, and neither is what versions without interfaces tell", () => {
  const ip = { address: "10.1.0.5/16", interface: 0 };
  expect(of([{ ...inside, name: "net1" }], ip)).toBeUndefined();
  expect(of([{ name: "eth0", sandbox: "" }], ip)).toBeUndefined();
  expect(theirEndpoint(parseResult({ ip4: { ip: "10.1.0.5/16" } }, "0.2.0"), environment)).toBeUndefined();
  expect(theirEndpoint(undefined, environment)).toBeUndefined();
});

test("one without an address is refused", () => {
  expect(() => of([inside])).toThrow(expect.objectContaining({ code: 7 }) as Error);
});
