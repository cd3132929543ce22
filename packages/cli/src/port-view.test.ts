import {
  parseIp,
  parsePortSpec,
  parseSources,
  type Cidr,
  type Endpoint,
  type Family,
  type PublishedPort,
} from "@netkit/core";
import { expect, test } from "vitest";
import { bindingsOf, formatMappings, formatPorts, portBindings, portMap } from "./port-view.ts";

/** With `routed ` in front, as on a network that takes no ports of the host; with `ipv4 `, as where IPv6 is routed. */
const port = (text: string): PublishedPort => {
  const [, routed, family, words = ""] = /^(routed )?(ipv4 |ipv6 )?(.*)$/.exec(text) ?? [];
  const { hostPort = { first: 40_000, last: 40_000 }, ...spec } = parsePortSpec(words);
  if (family !== undefined) return { ...spec, hostPort, hostFamilies: [family.trim() as Family] };
  return routed === undefined ? { ...spec, hostPort } : { ...spec, hostPort: spec.port, routed: true };
};
const endpoint = (texts: string[], ...addresses: string[]): Pick<Endpoint, "addresses" | "ports"> => ({
  addresses: addresses.map((address) => ({ address: address as Cidr })),
  ports: texts.map(port),
});
const dual = ["10.7.0.2/24", "fd07::2/64"];

test.each<[specs: string[], addresses: string[], mappings: string[]]>([
  [["8080:80"], ["10.7.0.2/24"], ["80/tcp -> 0.0.0.0:8080"]],
  [["8080:80"], dual, ["80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080"]],
  [["53/udp"], ["fd07::2/64"], ["53/udp -> [::]:40000"]],
  [["127.0.0.1:8080:80", "[2001:db8::1]:1:1"], dual, ["80/tcp -> 127.0.0.1:8080", "1/tcp -> [2001:db8::1]:1"]],
  [["[::1]:8080:80"], ["10.7.0.2/24"], ["80/tcp -> [::1]:8080"]],
  [["[::1]:8080:80"], dual, ["80/tcp -> [::1]:8080"]],
  [["9000-9999:8000-8999"], ["10.7.0.2/24"], ["8000-8999/tcp -> 0.0.0.0:9000-9999"]],
  [["80:80,from=10.0.0.0/8,from=192.0.2.1"], dual, ["80/tcp -> 0.0.0.0:80 from 10.0.0.0/8,192.0.2.1/32"]],
  [["80:80,from=::/0"], ["10.7.0.2/24"], []],
  [["80:80"], [], []],
  [["routed 80-81/udp"], dual, ["80-81/udp"]],
  [["ipv4 8080:80"], dual, ["80/tcp -> 0.0.0.0:8080", "80/tcp"]],
  [["ipv6 8080:80"], dual, ["80/tcp", "80/tcp -> [::]:8080"]],
  [
    ["ipv4 8080:80,from=10.0.0.0/8,from=fd00::/8"],
    dual,
    ["80/tcp -> 0.0.0.0:8080 from 10.0.0.0/8", "80/tcp from fd00::/8"],
  ],
  [["routed 80,from=10.0.0.0/8,from=fd00::/8"], dual, ["80/tcp from 10.0.0.0/8", "80/tcp from fd00::/8"]],
])("%j of %j are mapped as %j", (specs, addresses, mappings) => {
  expect(formatMappings(bindingsOf(endpoint(specs, ...addresses)))).toEqual(mappings);
});

test.each<[specs: string[], text: string]>([
  [["8080:80"], "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"],
  [["82:82", "80:80", "81:81"], "0.0.0.0:80-82->80-82/tcp, [::]:80-82->80-82/tcp"],
  [["0.0.0.0:80:80", "0.0.0.0:81:82"], "0.0.0.0:80->80/tcp, 0.0.0.0:81->82/tcp"],
  [["ipv4 80:80", "ipv4 81:81"], "0.0.0.0:80-81->80-81/tcp, 80-81/tcp"],
  [["routed 82", "routed 80", "routed 81", "routed 80/udp"], "80-82/tcp, 80/udp"],
  [["0.0.0.0:80:80", "0.0.0.0:81:81/udp"], "0.0.0.0:80->80/tcp, 0.0.0.0:81->81/udp"],
  [["127.0.0.1:80-81:80-81", "127.0.0.1:82:82", "127.0.0.2:83:83"], "127.0.0.1:80-82->80-82/tcp, 127.0.0.2:83->83/tcp"],
  [["0.0.0.0:80:80", "0.0.0.0:81:81,from=10.0.0.0/8"], "0.0.0.0:80->80/tcp, 0.0.0.0:81->81/tcp from 10.0.0.0/8"],
])("%j are listed as %s", (specs, text) => {
  expect(formatPorts(endpoint(specs, ...dual))).toBe(text);
});

test("Docker's shape has each port of a range, what was asked for, and what came of it", () => {
  const { ports, addresses } = endpoint(["9000-9001:80-81", "127.0.0.1:53:53/udp,from=127.0.0.0/8"], ...dual);
  expect(portMap(bindingsOf({ ports, addresses }))).toEqual({
    "80/tcp": [
      { HostIp: "0.0.0.0", HostPort: "9000" },
      { HostIp: "::", HostPort: "9000" },
    ],
    "81/tcp": [
      { HostIp: "0.0.0.0", HostPort: "9001" },
      { HostIp: "::", HostPort: "9001" },
    ],
    "53/udp": [{ HostIp: "127.0.0.1", HostPort: "53", From: parseSources(["127.0.0.0/8"]) }],
  });
  expect(portBindings(ports)).toMatchObject({
    "80/tcp": [{ HostIp: "", HostPort: "9000" }],
    "53/udp": [{ HostIp: parseIp("127.0.0.1"), HostPort: "53" }],
  });
});

test("a port on a routed network has none of the host in Docker's shape", () => {
  const { ports, addresses } = endpoint(["routed 80"], ...dual);
  expect(portMap(bindingsOf({ ports, addresses }))).toEqual({
    "80/tcp": [
      { HostIp: "0.0.0.0", HostPort: "" },
      { HostIp: "::", HostPort: "" },
    ],
  });
  expect(portBindings(ports)).toEqual({ "80/tcp": [{ HostIp: "", HostPort: "" }] });
});
