import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { ipOf } from "@netkit/core";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { spaceOf, type Space } from "@netkit/testing";
import { expect, test } from "vitest";
import { onHosts } from "./host.ts";

let netkit: Netkit;
onHosts((given) => ({ netkit } = given));

interface Place {
  readonly space: Space;
  readonly address: string;
}

async function sandbox(name: string, options: Record<string, unknown> = {}): Promise<Place> {
  const opened: SandboxHandle = await netkit.sandboxes.open({ name, networks: [{ network: "n", options }] });
  const [endpoint] = (await opened.inspect()).endpoints;
  if (endpoint?.addresses[0] === undefined || opened.netns === undefined) throw new Error(`${name} has no address`);
  return { space: spaceOf(opened.netns), address: ipOf(endpoint.addresses[0].address) };
}

interface Transfer {
  /** Bits per second, from the first byte that arrives to the last. */
  readonly rate: Promise<number>;
}

/** Begins to send so many bytes over one TCP connection. */
async function transfer(from: Place, to: Place, bytes: number): Promise<Transfer> {
  const server = createServer();
  to.space.within(() => server.listen(0));
  const { port } = server.address() as { port: number };
  const accepted = once(server, "connection") as Promise<[Socket]>;
  using _ = from.space.enter();
  const client = connect(port, to.address);
  await once(client, "connect");
  const [peer] = await accepted;
  client.end(Buffer.alloc(bytes));
  return { rate: measure(peer, bytes).finally(() => server.close()) };
}

async function measure(peer: Socket, bytes: number): Promise<number> {
  let received = 0;
  let first = 0;
  peer.on("data", (chunk: Buffer) => {
    first ||= performance.now();
    received += chunk.length;
  });
  await once(peer, "end");
  const seconds = (performance.now() - first) / 1000;
  peer.destroy();
  expect(received).toBe(bytes);
  return (received * 8) / seconds;
}

test("a TCP connection keeps to the rate in each direction, and a neighbour isn't held up", async () => {
  await netkit.networks.create({ name: "n" });
  const [slow, fast, other] = [
    await sandbox("slow", { "rate-ingress": "16mbit", "rate-egress": "8mbit" }),
    await sandbox("fast"),
    await sandbox("other"),
  ];
  const down = await transfer(fast, slow, 4_000_000);
  const up = await transfer(slow, other, 2_000_000);
  const beside = await transfer(fast, other, 2_000_000);
  expect(await beside.rate).toBeGreaterThan(50e6);
  const [ingress, egress] = [await down.rate, await up.rate];
  expect(ingress).toBeGreaterThan(0.5 * 16e6);
  expect(ingress).toBeLessThan(1.3 * 16e6);
  expect(egress).toBeGreaterThan(0.5 * 8e6);
  expect(egress).toBeLessThan(1.3 * 8e6);
});

test("one direction alone is limited where only its rate is given", async () => {
  await netkit.networks.create({ name: "n" });
  const [slow, fast] = [await sandbox("slow", { "rate-egress": "8mbit" }), await sandbox("fast")];
  expect(await (await transfer(fast, slow, 4_000_000)).rate).toBeGreaterThan(50e6);
  const egress = await (await transfer(slow, fast, 2_000_000)).rate;
  expect(egress).toBeGreaterThan(0.5 * 8e6);
  expect(egress).toBeLessThan(1.3 * 8e6);
});
