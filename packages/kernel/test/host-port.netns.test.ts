// Which ports of the host are in use: few are tried, many are looked up first, and both must say the same.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseIp, type Protocol } from "@netkit/core";
import {
  NETLINK_SOCK_DIAG,
  openNamespace,
  openNetlink,
  parseAddress,
  syscalls,
  type NamespaceHandle,
} from "@netkit/netlink";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstPortInUse, type HostPort, type HostPorts } from "../src/index.ts";
import { TestHost } from "./host.ts";

const [AF_INET, AF_INET6, SOCK_STREAM, IPPROTO_IPV6, IPV6_V6ONLY] = [2, 10, 1, 41, 26];

const program = `
const { createServer } = require("node:net");
const { createSocket } = require("node:dgram");
const listening = (port, host) => new Promise((done) => createServer().listen({ port, host, ipv6Only: true }, done));
const bound = (type, port, address) => new Promise((done) => createSocket(type).bind(port, address, done));
(async () => {
  await listening(20100, "127.0.0.1");
  await listening(20200, "127.0.0.2");
  await listening(20300, "::");
  await listening(20400, "::1");
  await bound("udp4", 20500, "0.0.0.0");
  await bound("udp6", 20600, "::1");
  console.log("ready");
})();
process.stdin.resume().on("end", () => process.exit());`;

/** A TCP socket that does nothing but have the port. */
function bindOnly(address: string, port: number): number {
  const bytes = parseAddress(address);
  const v6 = bytes.length === 16;
  const fd = syscalls().socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  if (v6) syscalls().setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, Uint8Array.of(1, 0, 0, 0));
  const name = Buffer.alloc(v6 ? 28 : 16);
  name[0] = v6 ? AF_INET6 : AF_INET;
  name.writeUInt16BE(port, 2);
  name.set(bytes, v6 ? 8 : 4);
  expect(syscalls().bind(fd, name)).toBe(0);
  return fd;
}

const host = new TestHost();
const child = spawn(process.execPath, ["-e", program]);
const ended = once(child, "exit");
const bound: number[] = [];
beforeAll(async () => {
  bound.push(bindOnly("127.0.0.1", 21_500), bindOnly("::1", 21_600));
  await once(child.stdout, "data");
});
afterAll(async () => {
  for (const fd of bound) syscalls().close(fd);
  child.stdin.end();
  await ended;
  host[Symbol.dispose]();
});

function inUse(here: NamespaceHandle, ports: readonly HostPorts[]): HostPort | undefined {
  using stack = new DisposableStack();
  return firstPortInUse(here.fd, ports, () =>
    stack.use(openNetlink({ namespace: here.fd, family: NETLINK_SOCK_DIAG })),
  );
}

/** The first one of them in use, asked for as one range, as single ports, and one by one. */
function busy(protocol: Protocol, first: number, last: number, address?: string): number | undefined {
  using here = openNamespace();
  const place = { protocol, ...(address === undefined ? {} : { address: parseIp(address) }) };
  const ask = (ports: HostPorts[]) => inUse(here, ports)?.port;
  const singles = Array.from({ length: last - first + 1 }, (_, index) => first + index).map((port) => ({
    ...place,
    first: port,
    last: port,
  }));
  const one = singles.map((single) => ask([single])).find((port) => port !== undefined);
  expect(ask([{ ...place, first, last }])).toBe(one);
  expect(ask(singles)).toBe(one);
  return one;
}

test.each([
  ["tcp", undefined, [20_100, 20_200, 20_300, 20_400]],
  ["tcp", "127.0.0.1", [20_100]],
  ["tcp", "127.0.0.2", [20_200]],
  ["tcp", "0.0.0.0", [20_100, 20_200]],
  ["tcp", "::1", [20_300, 20_400]],
  ["tcp", "::", [20_300, 20_400]],
  ["udp", undefined, [20_500, 20_600]],
  ["udp", "127.0.0.1", [20_500]],
  ["udp", "::1", [20_600]],
  ["sctp", undefined, []],
] as const)("%s on %s: the same ports are found in a range, among many, and one by one", (protocol, address, ports) => {
  const found: number[] = [];
  for (let from = 20_000; from <= 20_700;) {
    const port = busy(protocol, from, 20_700, address);
    if (port === undefined) break;
    found.push(port);
    from = port + 1;
  }
  expect(found).toEqual(ports);
});

const tcp = (first: number, last: number): HostPorts => ({ protocol: "tcp", first, last });

test("a socket that doesn't listen yet has its port where few are asked for; among many it is none of anybody's way", () => {
  using here = openNamespace();
  for (const port of [21_500, 21_600]) expect(inUse(here, [tcp(port - 1, port)])?.port).toBe(port);
  expect(inUse(here, [tcp(21_000, 21_999)])).toBeUndefined();
});

test("two ranges and a port in one question: the first that isn't free", () => {
  using here = openNamespace();
  expect(inUse(here, [tcp(21_000, 21_999), tcp(20_050, 20_199), tcp(20_300, 20_300)])).toEqual({
    protocol: "tcp",
    port: 20_100,
  });
  expect(inUse(here, [tcp(21_000, 21_999), { ...tcp(20_000, 20_700), protocol: "udp" }])?.port).toBe(20_500);
});
