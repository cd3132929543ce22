import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  NETLINK_NETFILTER,
  delConnection,
  flushConnections,
  formatAddress,
  listConnections,
  parseAddress,
  updateLink,
  withNamespace,
} from "../src/index.ts";
import type { Connection, ConnectionFilter } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";
import { execFileSync } from "node:child_process";

const UDP = 17;

function texts(connections: readonly Connection[]): string[] {
  return connections
    .map(({ original }) => `${original.sourcePort} > ${original.destination} ${original.destinationPort}`)
    .toSorted();
}

/** Send a datagram from each local port to each port. */
function sendUdp(path: string, address: string, ports: readonly number[], from: number): void {
  const type = address.includes(":") ? "udp6" : "udp4";
  const script = `
    const socket = require("node:dgram").createSocket("${type}");
    socket.bind(${from}, async () => {
      for (const port of ${JSON.stringify(ports)}) await new Promise((done) => socket.send("x", port, "${address}", done));
      socket.close();
    });`;
  withNamespace(path, () => execFileSync(process.execPath, ["-e", script]));
}

test("connections are listed as the kernel lists them, chosen by their parts, and forgotten one by one", () => {
  using host = makeNamespace();
  using links = host.open();
  updateLink(links, "lo", { up: true });
  const name = host.name;
  const nft = "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }";
  execFileSync("ip", ["netns", "exec", name, "nft", nft]);
  using socket = host.open({ family: NETLINK_NETFILTER });
  sendUdp(host.path, "127.0.0.1", [53, 54, 55], 4000);
  sendUdp(host.path, "127.0.0.2", [53], 4001);
  sendUdp(host.path, "::1", [53], 4002);

  const all = listConnections(socket);
  const proc = withNamespace(host.path, () => readFileSync("/proc/thread-self/net/nf_conntrack", "utf8"));
  const seen = [...proc.matchAll(/udp .*?dst=(\S+) sport=(\d+) dport=(\d+) .*?src=/g)].map(
    ([, destination = "", from, to]) => `${from} > ${formatAddress(parseAddress(destination))} ${to}`,
  );
  expect(texts(all)).toEqual(seen.toSorted());
  expect(all).toHaveLength(5);
  expect(all.find(({ original }) => original.destinationPort === 54)).toMatchObject({
    original: { source: "127.0.0.1", destination: "127.0.0.1", protocol: UDP, sourcePort: 4000, destinationPort: 54 },
    reply: { source: "127.0.0.1", destination: "127.0.0.1", protocol: UDP, sourcePort: 54, destinationPort: 4000 },
    mark: 0,
  });

  const chosen = (filter: ConnectionFilter): string[] => texts(listConnections(socket, filter));
  const [first, second, third] = ["4000 > 127.0.0.1 53", "4001 > 127.0.0.2 53", "4002 > ::1 53"];
  expect(chosen({ original: { protocol: UDP, destinationPort: 53 } })).toEqual([first, second, third]);
  expect(chosen({ original: { destination: "127.0.0.2" } })).toEqual([second]);
  expect(chosen({ original: { destination: "::1" } })).toEqual([third]);
  expect(chosen({ original: { destination: "::2" } })).toEqual([]);
  expect(chosen({ reply: { protocol: UDP, sourcePort: 55 } })).toEqual(["4000 > 127.0.0.1 55"]);
  expect(chosen({ version: 6, original: { protocol: UDP } })).toEqual([third]);

  const one = all.find(({ original }) => original.destinationPort === 54);
  expect.assert(one);
  expect(() => socket.request(delConnection({ ...one, id: one.id ^ 1 }))).toThrow(
    expect.objectContaining({ code: "ENOENT" }),
  );
  socket.request(delConnection(one));
  expect(chosen({ original: { protocol: UDP, destinationPort: 54 } })).toEqual([]);
  const flushed = flushConnections(
    socket,
    { version: 4, original: { protocol: UDP, destinationPort: 53 } },
    ({ original }) => original.destination === "127.0.0.1",
  );
  expect(flushed).toBe(1);
  expect(chosen({})).toEqual(["4000 > 127.0.0.1 55", second, third]);
});
