// A host with five networks and an outside world, made of namespaces by ip(8) and known to nobody but these tests.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Answer, Ask, Listen, Received } from "./agent.ts";

/** Who is where: a and b on network 1, c on 2, d and e on the internal network 3, f on 4, g on 5, and the outside world. */
export const places = {
  host: { v4: "198.51.100.1", v6: "2001:db8:77::1" },
  world: { v4: "198.51.100.2", v6: "2001:db8:77::2" },
  a: { v4: "10.77.1.2", v6: "fd77:1::2" },
  b: { v4: "10.77.1.3", v6: "fd77:1::3" },
  c: { v4: "10.77.2.2", v6: "fd77:2::2" },
  d: { v4: "10.77.3.2", v6: "fd77:3::2" },
  e: { v4: "10.77.3.3", v6: "fd77:3::3" },
  f: { v4: "10.77.4.2", v6: "fd77:4::2" },
  g: { v4: "10.77.5.2", v6: "fd77:5::2" },
} as const;
export type Place = keyof typeof places;

const bridges = ["nkt1", "nkt2", "nkt3", "nkt4", "nkt5"] as const;
const networkOf = { a: 1, b: 1, c: 2, d: 3, e: 3, f: 4, g: 5 } as const;

/** How long a question waits that should get an answer, and one that should get none (an answer takes under 1 ms). */
const ANSWER_MS = 5000;
const SILENCE_MS = 400;

let counter = 0;

export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export class Topology implements AsyncDisposable {
  readonly #prefix = `nkf${process.pid}x${(counter += 1)}`;
  readonly #agents = new Map<Place, Agent>();

  /** The name of the namespace of a place, as `ip netns` knows it. */
  namespace(place: Place): string {
    return `${this.#prefix}-${place}`;
  }

  /** Run a command in a place and return what it prints. */
  run(place: Place, command: string, ...args: string[]): string {
    return execFileSync("ip", ["netns", "exec", this.namespace(place), command, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
    });
  }

  static async create(bridgeNf: 0 | 1): Promise<Topology> {
    const topology = new Topology();
    try {
      topology.#build(bridgeNf);
      await Promise.all((Object.keys(places) as Place[]).map((place) => topology.#start(place)));
      return topology;
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      throw error;
    }
  }

  #build(bridgeNf: 0 | 1): void {
    for (const place of Object.keys(places) as Place[]) {
      const name = this.namespace(place);
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
      this.#sysctl(place, "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0");
    }
    const host = this.namespace("host");
    this.#sysctl("host", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    this.#sysctl("host", `net.bridge.bridge-nf-call-iptables=${bridgeNf}`);
    this.#sysctl("host", `net.bridge.bridge-nf-call-ip6tables=${bridgeNf}`);
    this.#pair("eth0", host, "eth0", this.namespace("world"));
    this.#address("host", "eth0", `${places.host.v4}/24`, `${places.host.v6}/64`);
    this.#address("world", "eth0", `${places.world.v4}/24`, `${places.world.v6}/64`);
    // The world knows the way to the sandboxes: only the firewall keeps it from them.
    ip("-n", this.namespace("world"), "route", "add", "10.77.0.0/16", "via", places.host.v4);
    ip("-n", this.namespace("world"), "-6", "route", "add", "fd77::/16", "via", places.host.v6);
    for (const [index, bridge] of bridges.entries()) {
      ip("-n", host, "link", "add", bridge, "type", "bridge", "mcast_snooping", "0", "forward_delay", "0");
      ip("-n", host, "link", "set", bridge, "up");
      this.#address("host", bridge, `10.77.${index + 1}.1/24`, `fd77:${index + 1}::1/64`);
      this.#sysctl("host", `net.ipv4.conf.${bridge}.route_localnet=1`);
    }
    for (const [place, network] of Object.entries(networkOf) as [keyof typeof networkOf, number][]) {
      const port = `port-${place}`;
      this.#pair(port, host, "eth0", this.namespace(place));
      ip("-n", host, "link", "set", port, "master", `nkt${network}`);
      this.run("host", "bridge", "link", "set", "dev", port, "hairpin", "on");
      const { v4, v6 } = places[place];
      this.#address(place, "eth0", `${v4}/24`, `${v6}/64`);
      ip("-n", this.namespace(place), "route", "add", "default", "via", `10.77.${network}.1`);
      ip("-n", this.namespace(place), "-6", "route", "add", "default", "via", `fd77:${network}::1`);
    }
  }

  #pair(link: string, namespace: string, peer: string, peerNamespace: string): void {
    ip("-n", namespace, "link", "add", link, "type", "veth", "peer", "name", peer, "netns", peerNamespace);
    ip("-n", namespace, "link", "set", link, "up");
    ip("-n", peerNamespace, "link", "set", peer, "up");
  }

  #address(place: Place, link: string, v4: string, v6: string): void {
    ip("-n", this.namespace(place), "address", "add", v4, "dev", link);
    ip("-n", this.namespace(place), "address", "add", v6, "dev", link, "nodad");
  }

  #sysctl(place: Place, ...settings: string[]): void {
    this.run(place, "sysctl", "-qw", ...settings);
  }

  async #start(place: Place): Promise<void> {
    const agent = new Agent(this.namespace(place), place);
    this.#agents.set(place, agent);
    for (const protocol of ["tcp", "udp"] as const) {
      for (const port of [80, 81]) await agent.do({ op: "listen", protocol, port });
    }
  }

  listen(place: Place, protocol: "tcp" | "udp", port: number): Promise<Answer | null> {
    return this.#agent(place).do({ op: "listen", protocol, port });
  }

  /** Ask for an answer that should come; of the source port and address, UDP alone. */
  ask(from: Place, to: Target, sourcePort = 0, source?: string): Promise<Answer | null> {
    return this.#agent(from).do({ op: "ask", ...to, sourcePort, source, timeoutMs: ANSWER_MS });
  }

  /** Ask for an answer that should not come. */
  tryAsk(from: Place, to: Target, sourcePort = 0): Promise<Answer | null> {
    return this.#agent(from).do({ op: "ask", ...to, sourcePort, timeoutMs: SILENCE_MS });
  }

  /** What the datagrams said that a place got since the last time. */
  received(place: Place): Promise<string[]> {
    return this.#agent(place).do({ op: "received" });
  }

  #agent(place: Place): Agent {
    const agent = this.#agents.get(place);
    if (agent === undefined) throw new Error(`nobody is at ${place}`);
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop()));
    const existing = new Set(
      ip("netns")
        .split("\n")
        .map((line) => line.split(" ")[0]),
    );
    for (const place of Object.keys(places) as Place[]) {
      if (existing.has(this.namespace(place))) ip("netns", "delete", this.namespace(place));
    }
  }
}

export interface Target {
  readonly protocol: "tcp" | "udp";
  readonly host: string;
  readonly port: number;
}

class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  constructor(namespace: string, name: string) {
    const script = fileURLToPath(new URL("agent.ts", import.meta.url));
    this.#child = spawn("ip", ["netns", "exec", namespace, process.execPath, script, name], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const output = this.#child.stdout;
    if (output === null) throw new Error("no output");
    createInterface({ input: output }).on("line", (line) => {
      const { id, result, error } = JSON.parse(line) as { id: number; result: unknown; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the agent in ${namespace} ended`));
    });
  }

  do(command: Listen | Ask): Promise<Answer | null>;
  do(command: Received): Promise<string[]>;
  do(command: Listen | Ask | Received): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    const id = (this.#last += 1);
    this.#waiting.set(id, waiting);
    this.#child.stdin?.write(`${JSON.stringify({ id, command })}\n`);
    return waiting.promise;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}
