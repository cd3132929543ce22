import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { bridge } from "@netkit/driver-bridge";
import { openNetkit, type Netkit } from "@netkit/engine";
import { openNamespace, syscalls } from "@netkit/netlink";
import { measurePairs, numbers, summarise, type Side } from "./pairs.ts";
import { ms, type Row } from "./report.ts";

const CLONE_NEWNET = 0x40000000;
const others = 10_000;
const perSandbox = 1000;
/** New connections of one sample, so many at a time. */
const connections = 200;
const atATime = 8;

/** New connections through a published port, with 10,000 others published and with none: two hosts, in turns. */
export async function connectionsRow(root: string, firewall: "nftables" | "iptables", rounds: number): Promise<Row> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using many = await Host.open(`${firewall}-many`, root, firewall);
  // oxlint-disable-next-line typescript/await-thenable -- as above
  await using few = await Host.open(`${firewall}-one`, root, firewall);
  await many.publishOthers();
  const connecting = (host: Host): Side<Host> => ({ before: () => host, timed: () => host.connect() });
  await measurePairs(numbers(2, 10), connecting(many), connecting(few));
  const summary = summarise(await measurePairs(numbers(2, rounds), connecting(many), connecting(few)));
  const rate = (median: number): string => `${((connections / median) * 1000).toFixed(0)}/s`;
  return {
    id: `port-connections-${firewall}`,
    what: `${firewall}: time of a new connection, with 10,000 other ports published, to without`,
    value: summary.medianOfRatios,
    unit: "x",
    // At least 0.95 times as many a second.
    ...(firewall === "nftables" ? { budget: 1.05 } : {}),
    how: `${rate(summary.medianA)} to ${rate(summary.medianB)}, best ${ms(summary.minA / connections)} to ${ms(summary.minB / connections)} each, ${summary.pairs} pairs of ${connections}`,
    data: { ...summary },
  };
}

/** A namespace that plays a host, with a sandbox that serves a published port, and an outside that asks for it. */
class Host implements AsyncDisposable {
  readonly #name: string;
  readonly #netkit: Netkit;
  readonly #client: Client;

  private constructor(name: string, netkit: Netkit, client: Client) {
    this.#name = name;
    this.#netkit = netkit;
    this.#client = client;
  }

  static async open(name: string, root: string, firewall: "nftables" | "iptables"): Promise<Host> {
    const outside = `${name}-out`;
    for (const namespace of [name, outside]) ip("netns", "add", namespace);
    for (const namespace of [name, outside]) ip("-n", namespace, "link", "set", "lo", "up");
    ip("-n", name, "link", "add", "out", "type", "veth", "peer", "name", "out", "netns", outside);
    ip("-n", name, "address", "add", "192.0.2.1/24", "dev", "out");
    ip("-n", outside, "address", "add", "192.0.2.2/24", "dev", "out");
    for (const namespace of [name, outside]) ip("-n", namespace, "link", "set", "out", "up");
    return await inside(name, async () => {
      const netkit = await openNetkit({ root: join(root, name), drivers: [bridge()], firewall });
      await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.8.0.0/16" }] });
      const sandbox = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: ["80:80"] }] });
      const server = await sandbox.run([process.execPath, "-e", serverProgram], { stdio: "pipe" });
      if (server.stdout !== null) await once(server.stdout, "data");
      return new Host(name, netkit, new Client(outside));
    });
  }

  async publishOthers(): Promise<void> {
    await inside(this.#name, async () => {
      for (let first = 20_000; first < 20_000 + others; first += perSandbox) {
        const publish = numbers(first, perSandbox).map((port) => `${port}:80`);
        await this.#netkit.sandboxes.open({ networks: [{ network: "n", publish }] });
      }
    });
  }

  async connect(): Promise<void> {
    await this.#client.connect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.stop();
    await inside(this.#name, async () => {
      for (const { id } of await this.#netkit.sandboxes.list())
        await this.#netkit.sandboxes.remove(id, { force: true });
      await this.#netkit.networks.prune();
      await this.#netkit.close();
    });
    for (const namespace of [this.#name, `${this.#name}-out`]) ip("netns", "del", namespace);
  }
}

/** Asks for connections whenever a line tells it to, and answers with one. */
class Client {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(namespace: string) {
    const command = ["netns", "exec", namespace, process.execPath, "-e", clientProgram];
    this.#child = spawn("ip", command, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.#child.stdout === null) throw new Error("no output");
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async connect(): Promise<void> {
    this.#child.stdin?.write("\n");
    const { value } = await this.#answers.next();
    if (value !== "done") throw new Error(`the client said ${String(value)}`);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}

/** The process is of the namespace for as long as `work` takes: nothing else runs meanwhile. */
async function inside<T>(namespace: string, work: () => Promise<T>): Promise<T> {
  using home = openNamespace();
  using there = openNamespace(`/run/netns/${namespace}`);
  syscalls().setns(there.fd, CLONE_NEWNET);
  try {
    return await work();
  } finally {
    syscalls().setns(home.fd, CLONE_NEWNET);
  }
}

function ip(...words: string[]): void {
  execFileSync("ip", words);
}

const serverProgram = `require("node:net").createServer((socket) => socket.on("error", () => {}).resume()).listen(80, () => console.log("up"))`;

// A reset leaves nothing behind that would use up the client's ports.
const clientProgram = `
const { connect } = require("node:net");
const one = () => new Promise((done, fail) => {
  const socket = connect(80, "192.0.2.1", () => { socket.resetAndDestroy(); done(); }).on("error", fail);
});
require("node:readline").createInterface({ input: process.stdin }).on("line", async () => {
  let left = ${connections};
  await Promise.all(Array.from({ length: ${atATime} }, async () => { while (left-- > 0) await one(); }));
  console.log("done");
});`;
