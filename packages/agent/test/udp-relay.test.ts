import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { parseIp } from "@netkit/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UdpRelay } from "../src/udp-relay.ts";

const open: { close(): unknown }[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  for (const one of open.splice(0)) one.close();
});

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  open.push(socket);
  return socket;
}

/** A relay to `service`; its own port. */
async function relayTo(service: Socket): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  open.push(new UdpRelay(socket, { address: parseIp("127.0.0.1"), port: service.address().port }));
  return socket.address().port;
}

/** Sends to the relay; from where it gets to the service. */
async function arrival(client: Socket, relay: number, service: Socket): Promise<RemoteInfo> {
  const heard = once(service, "message");
  client.send("x", relay, "127.0.0.1");
  return ((await heard) as [Buffer, RemoteInfo])[1];
}

test("each client gets its own answers, from the port that it asked", async () => {
  const service = await bound();
  service.on("message", (data, { address, port }) => service.send(`to ${String(data)}`, port, address));
  const relay = await relayTo(service);
  const clients = await Promise.all(Array.from({ length: 50 }, bound));
  const answers = clients.map(async (client) => (await once(client, "message")) as [Buffer, RemoteInfo]);
  for (const [index, client] of clients.entries()) client.send(`${index}`, relay, "127.0.0.1");
  for (const [index, answer] of answers.entries()) {
    const [data, { port }] = await answer;
    expect([String(data), port]).toEqual([`to ${index}`, relay]);
  }
});

test("a client is forgotten after 30 s, and once answered after 120 s", async () => {
  const [service, client] = [await bound(), await bound()];
  const relay = await relayTo(service);
  const first = await arrival(client, relay, service);
  vi.advanceTimersByTime(29_000);
  expect((await arrival(client, relay, service)).port).toBe(first.port);
  vi.advanceTimersByTime(29_000);
  expect((await arrival(client, relay, service)).port).toBe(first.port);
  vi.advanceTimersByTime(30_000);
  const second = await arrival(client, relay, service);
  expect(second.port).not.toBe(first.port);
  const answered = once(client, "message");
  service.send("y", second.port, second.address);
  await answered;
  vi.advanceTimersByTime(119_000);
  expect((await arrival(client, relay, service)).port).toBe(second.port);
  vi.advanceTimersByTime(120_000);
  expect((await arrival(client, relay, service)).port).not.toBe(second.port);
});

test("of too many clients the one that has been silent longest makes room", async () => {
  const service = await bound();
  const relay = await relayTo(service);
  const [first, second] = [await bound(), await bound()];
  const before = { first: await arrival(first, relay, service), second: await arrival(second, relay, service) };
  for (let count = 2; count < 1_024; count++) await arrival(await bound(), relay, service);
  expect((await arrival(first, relay, service)).port).toBe(before.first.port);
  await arrival(await bound(), relay, service);
  expect((await arrival(first, relay, service)).port).toBe(before.first.port);
  expect((await arrival(second, relay, service)).port).not.toBe(before.second.port);
});

test("a service that isn't there yet is found by the next datagram", async () => {
  const gone = await bound();
  const { port } = gone.address();
  const relay = await relayTo(gone);
  const client = await bound();
  gone.close();
  open.splice(open.indexOf(gone), 1);
  client.send("in vain", relay, "127.0.0.1");
  client.send("in vain", relay, "127.0.0.1");
  const service = createSocket("udp4").bind(port, "127.0.0.1");
  await once(service, "listening");
  open.push(service);
  expect((await arrival(client, relay, service)).address).toBe("127.0.0.1");
});
