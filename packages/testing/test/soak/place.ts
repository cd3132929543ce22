// The host of a soak, its agent, and what netkit says is there.
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { instanceOf, ipOf, type Network } from "@netkit/core";
import type { SandboxDetails } from "@netkit/engine";
import { Caller } from "../../src/calls.ts";
import { createHost, type Host } from "../../src/index.ts";
import type { AgentFunctions } from "./agent.program.ts";
import type { Held } from "./held.ts";
import type { WorkerFunctions } from "./worker.program.ts";

/**
 * For processes whose memory is looked at: young objects have little room, which is as good as full at any time, and code that
 * wasn't used for a while isn't dropped, to be compiled again later.
 */
const steady = ["--expose-gc", "--max-semi-space-size=2", "--no-flush-bytecode"];

const command = resolve(import.meta.dirname, "../../../cli/dist/netkit.js");

/** A process that works with netkit's library. */
export class Worker {
  readonly #child: ChildProcess;
  readonly caller: Caller<WorkerFunctions>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.caller = new Caller<WorkerFunctions>(child, `worker ${child.pid}`);
  }

  static async start({ host, root }: Place): Promise<Worker> {
    const child = fork(join(import.meta.dirname, "worker.program.ts"), [root], {
      execPath: "nsenter",
      execArgv: [`--net=${host.path}`, "--", process.execPath, ...steady],
      serialization: "advanced",
      // A terminal's signals are for the soak, which ends it.
      detached: true,
      env: { ...process.env, NODE_COMPILE_CACHE: join(root, "compiled") },
    });
    const worker = new Worker(child);
    await worker.caller.ready;
    return worker;
  }

  async kill(): Promise<void> {
    if (!this.#child.kill("SIGKILL")) return;
    await once(this.#child, "exit");
  }

  /** Ends by itself. */
  async stop(): Promise<void> {
    this.#child.disconnect();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}

/** A host with an outside, an agent and netkit's state. */
export class Place implements AsyncDisposable {
  readonly host: Host;
  readonly root: string;
  readonly #agent: ChildProcess;
  readonly #caller: Caller<AgentFunctions>;

  private constructor(host: Host, root: string, agent: ChildProcess) {
    this.host = host;
    this.root = root;
    this.#agent = agent;
    this.#caller = new Caller<AgentFunctions>(agent, "the agent");
  }

  static async open(): Promise<Place> {
    const root = mkdtempSync(join(tmpdir(), "netkit-soak-"));
    const host = await createHost({ outside: true });
    const asked = ["--import", join(import.meta.dirname, "agent.program.ts")];
    const words = [`--net=${host.path}`, "--", process.execPath, ...steady, ...asked, command];
    const agent = spawn("nsenter", [...words, "--root", root, "agent", "--ready-fd", "3"], {
      stdio: ["ignore", "ignore", "inherit", "pipe", "ipc"],
      detached: true,
      serialization: "advanced",
    });
    const place = new Place(host, root, agent);
    await once(agent.stdio[3] as Readable, "data");
    await place.#caller.ready;
    return place;
  }

  /** What names of netkit's namespaces begin with here. */
  get mark(): string {
    return `${instanceOf(this.root).mark}.`;
  }

  async agentHolds(): Promise<Held> {
    return await this.#caller.call("held");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.kill("SIGTERM");
    if (this.#agent.exitCode === null && this.#agent.signalCode === null) await once(this.#agent, "exit");
    await this.host[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true });
  }
}

/** An endpoint as netkit tells of it. */
interface Listed {
  readonly network: string;
  /** Those of the sandbox that has it, and its hostname, which a sandbox that joined another keeps from it. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

export interface ListedBox {
  readonly members: readonly string[];
  readonly netns: string;
  readonly endpoints: readonly Listed[];
}

/** What netkit says is there. */
export interface Listing {
  /** Whether they lead out, by name. */
  readonly networks: ReadonlyMap<string, { readonly internal: boolean; readonly ipv6: boolean }>;
  readonly boxes: readonly ListedBox[];
}

export function listingOf(networks: readonly Network[], sandboxes: readonly SandboxDetails[]): Listing {
  const made = networks.filter(({ name }) => name.startsWith("net"));
  const byPlace = Map.groupBy(sandboxes, ({ namespace }) => namespace);
  return {
    networks: new Map(
      made.map(({ name, internal, subnets }) => [
        name,
        { internal, ipv6: subnets.some(({ subnet }) => subnet.includes(":")) },
      ]),
    ),
    boxes: [...byPlace.values()].map((members) => ({
      members: members.map(({ name }) => name).toSorted(),
      netns: members[0]?.netns ?? "",
      endpoints: (members[0]?.endpoints ?? []).map(({ networkName, sandboxName, addresses, ports }) => ({
        network: networkName,
        names: [sandboxName, ...members.filter(({ name }) => name === sandboxName).map(({ hostname }) => hostname)],
        addresses: addresses.map(({ address }) => ipOf(address)),
        ports: ports.filter(({ protocol }) => protocol === "udp").map(({ hostPort }) => hostPort.first),
      })),
    })),
  };
}

/** As the model writes it. */
export function linesOf({ networks, boxes }: Listing): string[] {
  return [
    ...[...networks].map(
      ([name, { internal, ipv6 }]) => `network ${name} ${internal ? "internal" : ipv6 ? "ipv6" : "plain"}`,
    ),
    ...boxes.map(({ members, endpoints }) => {
      const on = endpoints.map(({ network, ports }) => `${network}(${ports.toSorted((a, b) => a - b).join(",")})`);
      return `box ${members.join("+")} on ${on.toSorted().join(" ")}`;
    }),
  ].toSorted();
}
