import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { listSockets, NETLINK_SOCK_DIAG, syscalls, withNamespace } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

const [AF_INET, SOCK_STREAM] = [2, 1];

/** Sockets that listen, are connected, and receive datagrams; a line when all are there. */
const program = `
const { createServer, connect } = require("node:net");
const { createSocket } = require("node:dgram");
const bound = (type, port, address) => new Promise((done) => createSocket(type).bind(port, address, done));
const listening = (port, host) => new Promise((done) => createServer().listen({ port, host, ipv6Only: true }, done));
(async () => {
  await bound("udp4", 7003, "0.0.0.0");
  await bound("udp6", 7004, "::1");
  await listening(7002, "::");
  await listening(7005, "127.0.0.1");
  await new Promise((done) => connect({ port: 7005, host: "127.0.0.1", localPort: 7006 }, done));
  console.log("ready");
})();
process.stdin.resume().on("end", () => process.exit());`;

test("sockets are listed in every state, by their local ports, and all that ss(8) tells of", async () => {
  using host = makeNamespace();
  host.ip("link set lo up");
  const child = spawn("ip", ["netns", "exec", host.name, process.execPath, "-e", program]);
  const ended = once(child, "exit");
  const fd = withNamespace(host.path, () => syscalls().socket(AF_INET, SOCK_STREAM, 0));
  try {
    expect(
      syscalls().bind(fd, Uint8Array.of(AF_INET, 0, 7001 >> 8, 7001 & 255, 127, 0, 0, 1, ...Buffer.alloc(8))),
    ).toBe(0);
    await once(child.stdout, "data");
    using socket = host.open({ family: NETLINK_SOCK_DIAG });
    const seen = (protocol: number, first: number, last: number): string[] => {
      const found = listSockets(socket, { protocol, ports: { first, last } });
      return [...new Set(found.map(({ address, port }) => `${port} ${address}`))].toSorted();
    };
    expect(seen(6, 7000, 7999)).toEqual(["7001 127.0.0.1", "7002 ::", "7005 127.0.0.1", "7006 127.0.0.1"]);
    expect(seen(17, 7000, 7999)).toEqual(["7003 0.0.0.0", "7004 ::1"]);
    const listening = listSockets(socket, { protocol: 6, listening: true, ports: { first: 7000, last: 7005 } });
    expect(new Set(listening.map(({ port }) => port))).toEqual(new Set([7002, 7005]));
    expect(seen(6, 7006, 7006)).toEqual(["7006 127.0.0.1"]);
    expect(seen(6, 7003, 7004)).toEqual([]);
    expect(seen(6, 1, 7001)).toEqual(["7001 127.0.0.1"]);
    const all = listSockets(socket, { protocol: 6 }).map(({ port }) => String(port));
    const ss = execFileSync("ip", ["netns", "exec", host.name, "ss", "-Htan"], { encoding: "utf8" });
    const told = [...ss.matchAll(/^\S+ +\S+ +\S+ +\S+:(\d+)/gm)].map(([, port]) => port);
    expect(told.length).toBeGreaterThan(2);
    expect(all).toEqual(expect.arrayContaining(told));
  } finally {
    syscalls().close(fd);
    child.stdin.end();
    await ended;
  }
});
