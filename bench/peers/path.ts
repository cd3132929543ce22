import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withNamespace } from "@netkit/netlink";
import { Caller } from "@netkit/testing/calls";
import type { LoadCalls } from "../hosts/load.program.ts";
import { portMappings, type Box, type Contender } from "./contender.ts";
import type { ConnectionKind, PathKind } from "./figures.ts";

const bytes = 32e6;
const roundTrips = 500;
const connections = 200;
/** The host's, that its published ports are reached at: documentation (RFC 5737), on no wire. */
const hostAddress = "198.51.100.1";
/** Where a box's first published port leads. */
const boxPort = 8000;

type Load = Caller<LoadCalls>;
type Ends = readonly [Load, Load];

/** Two attached boxes, with a process at each end of two connections. */
export class Path {
  readonly #children: readonly ChildProcess[];
  readonly #host: string;
  readonly #between: Ends;
  readonly #published: Ends;
  readonly #port: number;

  private constructor(children: readonly ChildProcess[], host: string, between: Ends, published: Ends, port: number) {
    this.#children = children;
    this.#host = host;
    this.#between = between;
    this.#published = published;
    this.#port = port;
  }

  /** @param server publishes a port */
  static async open(place: NonNullable<Contender["place"]>, server: Box, client: Box): Promise<Path> {
    const [to, from] = [await place(server), await place(client)];
    execFileSync("nsenter", [`--net=${to.host}`, "ip", "address", "replace", `${hostAddress}/32`, "dev", "lo"]);
    const children: ChildProcess[] = [];
    const start = async (namespace: string): Promise<Load> => {
      const child = fork(join(import.meta.dirname, "load.program.js"), [], {
        execPath: "nsenter",
        // With the libraries that all others have: some peers' hosts have another suite's (see arena.ts).
        execArgv: [`--net=${namespace}`, `--mount=/proc/${process.ppid}/ns/mnt`, "--", process.execPath],
        serialization: "advanced",
      });
      children.push(child);
      const load = new Caller<LoadCalls>(child, "load.program.js");
      await load.ready;
      return load;
    };
    const between: Ends = [await start(from.box), await start(to.box)];
    const published: Ends = [await start(to.host), await start(to.box)];
    await between[0].call("pair", from.address, to.address);
    await between[1].call("pair", to.address, from.address);
    await connectEnds(between, [to.address], [to.address]);
    const port = portMappings(server)[0]?.host ?? 0;
    await connectEnds(published, [to.address, boxPort], [hostAddress, port]);
    for (const load of [...between, ...published]) await load.call("pin", 0);
    return new Path(children, to.host, between, published, port);
  }

  /** Streams in Gbit/s, the round trip in µs. */
  async measure(): Promise<Record<Exclude<PathKind, ConnectionKind>, number>> {
    const measured = {
      stream: await stream(this.#between),
      "round-trip": await roundTrip(this.#between),
      published: await stream(this.#published),
    };
    setBridgeNetfilter(this.#host, false);
    const bridged = await roundTrip(this.#between);
    setBridgeNetfilter(this.#host, true);
    return { ...measured, "round-trip-bridged": bridged };
  }

  /** New connections a second, from the host through the published port. */
  async connect(): Promise<number> {
    const [client, server] = this.#published;
    const greeted = server.call("greet", connections);
    const took = await client.call("visit", connections, hostAddress, this.#port);
    await greeted;
    return (connections * 1e3) / took;
  }

  /** Its ports are free then. */
  async close(): Promise<void> {
    const ended = this.#children.map(async (child) => await once(child, "exit"));
    for (const child of this.#children) child.disconnect();
    await Promise.all(ended);
  }
}

/** Whether what goes through a bridge goes through the firewall's chains of IPv4, too, as in a new namespace; never where br_netfilter isn't loaded. */
function setBridgeNetfilter(host: string, on: boolean): void {
  const setting = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  withNamespace(host, () => {
    if (existsSync(setting)) writeFileSync(setting, on ? "1" : "0");
  });
}

async function connectEnds([client, server]: Ends, at: [string, number?], by: [string, number?]): Promise<void> {
  await server.call("listen", ...at);
  await client.call("connect", ...by);
  await server.call("accept");
}

async function stream([client, server]: Ends): Promise<number> {
  const sunk = server.call("sink", bytes);
  const started = performance.now();
  await client.call("send", bytes);
  await sunk;
  return (bytes * 8) / (performance.now() - started) / 1e6;
}

async function roundTrip([client, server]: Ends): Promise<number> {
  const echoed = server.call("echo", roundTrips);
  const took = await client.call("ask", roundTrips);
  await echoed;
  return (took * 1e3) / roundTrips;
}
