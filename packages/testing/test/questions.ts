// What tests ask of namespaces: with sockets, ping and ip.
import { connect } from "node:net";
import { familyOf, type Ip } from "@netkit/core";
import { hostIpv4, hostIpv6, outsideIpv4, outsideIpv6, ping, reach, serve, type Space } from "../src/index.ts";
import type { OutsideHost } from "./outside-host.ts";

/** How long what is to be silent has to be so; a fresh link may keep an answer waiting for a second (RFC 4862, 5.4). */
const silenceMs = 400;

/** Servers on port 80 of each. */
export async function serveIn(...spaces: Space[]): Promise<AsyncDisposableStack> {
  await using servers = new AsyncDisposableStack();
  for (const space of spaces) servers.use(await serve(space, 80));
  return servers.move();
}

/** The address that a TCP connection is seen with, or that it is refused. */
export async function answer(from: Space, address: string, port: number): Promise<string> {
  const { status, source } = await reach(from, { protocol: "tcp", address, port });
  return status === "ok" ? (source ?? "") : status;
}

/** Whether nobody answers a TCP connection, not even with a refusal. */
export async function isDropped(from: Space, address: string, port: number): Promise<boolean> {
  return (await reach(from, { protocol: "tcp", address, port }, silenceMs)).status === "timeout";
}

/** The code of the error that a TCP connection fails with at once. */
export async function connectError(space: Space, host: string): Promise<string | undefined> {
  using _ = space.enter();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host, port: 9, timeout: 400 });
  socket.on("timeout", () => resolve("timeout"));
  socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
  const code = await promise;
  socket.destroy();
  return code;
}

/** Whether no address answers a TCP connection or a ping. */
export async function isCutOff(from: Space, addresses: readonly Ip[], port: number): Promise<boolean> {
  using _ = from.enter();
  const silences = addresses.flatMap((address) => [
    isDropped(from, address, port),
    ping(from, address, 1).then((answered) => !answered),
  ]);
  return (await Promise.all(silences)).every(Boolean);
}

/** What the outside's own address is, for a server at `address`. */
export function outsideFor(address: Ip): string {
  return familyOf(address) === "ipv4" ? outsideIpv4 : outsideIpv6;
}

interface Link {
  /** The MAC. */
  readonly address: string;
  readonly mtu: number;
  readonly addr_info: readonly { readonly local: string }[];
}

export async function linkOf(space: Space, name: string): Promise<Link> {
  const [link] = await space.ip<Link>(`address show dev ${name}`);
  if (link === undefined) throw new Error(`no link ${name}`);
  return link;
}

export async function addressesOn(space: Space, name: string): Promise<string[]> {
  return (await linkOf(space, name)).addr_info.map(({ local }) => local);
}

/** Destinations and gateways of all default routes. */
export async function defaultRoutes(space: Space): Promise<(string | undefined)[]> {
  const both = await Promise.all(
    ["-4", "-6"].map((family) => space.ip<{ gateway?: string }>(`${family} route show default`)),
  );
  return both.flat().map(({ gateway }) => gateway);
}

/** Gives the outside a way to the sandboxes of a network. */
export async function routeTo({ outside, netkit }: OutsideHost, network: string): Promise<void> {
  for (const { subnet } of (await netkit.networks.get(network)).subnets) {
    const via = familyOf(subnet) === "ipv4" ? hostIpv4 : hostIpv6;
    await outside.exec(["ip", "route", "add", subnet, "via", via]);
  }
}
