import { type Agent, startAgent, type AgentOptions } from "@netkit/agent";
import { agentLink, agentSocket, askAgent, type AgentRequest } from "@netkit/agent/client";
import { bridge } from "@netkit/driver-bridge";
import { container } from "@netkit/driver-container";
import { host } from "@netkit/driver-host";
import { ipvlan } from "@netkit/driver-ipvlan";
import { macvlan } from "@netkit/driver-macvlan";
import { none } from "@netkit/driver-none";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { expect } from "vitest";
import { eachOn, TestHost, type Given } from "./host.ts";
import { attempt } from "../src/index.ts";

/** A host with an agent in this process, and an instance that tells it of changes as a command does. */
export class AgentHost extends TestHost {
  /** What the agent said that went wrong. */
  readonly complaints: string[] = [];
  #agent: Agent | undefined;

  async startAgent(options: AgentOptions = {}): Promise<Agent> {
    const drivers = [bridge(), none(), host(), container(), ipvlan(), macvlan()];
    const onError = (error: Error): void => void this.complaints.push(error.message);
    return (this.#agent = await startAgent({ root: this.root, drivers, onError, ...options }));
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.close();
  }

  /** Opened as by a command: no warning may be given, and no agent be started but by `start`. */
  async openLinked(start: () => Promise<void> = unexpected("a start")): Promise<Netkit> {
    const agent = agentLink({ root: this.root, start, warn: unexpected("a warning") });
    return await this.open({ agent });
  }

  async ask(request: AgentRequest): Promise<unknown> {
    return await askAgent(agentSocket(this.root), request);
  }

  expectQuiet(): void {
    // oxlint-disable-next-line vitest/no-standalone-expect -- called from tests and their hooks
    expect(this.complaints).toEqual([]);
  }

  /** It complained of nothing but what the test has taken out of {@link complaints}. */
  override async leave(netkit: Netkit): Promise<void> {
    await super.leave(netkit);
    this.expectQuiet();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent();
    await super[Symbol.asyncDispose]();
  }
}

/**
 * Has each test of the file run on a host with an agent, and an instance that tells it of changes; it ends with nothing left
 * there.
 */
export function onAgentHosts(use: (given: Given<AgentHost>) => unknown): void {
  eachOn(async () => {
    const host = new AgentHost();
    await host.startAgent();
    return { host, netkit: await host.openLinked() };
  }, use);
}

function unexpected(what: string): (error?: unknown) => never {
  return (error) => {
    throw new Error(`unexpected: ${what}`, { cause: error });
  };
}

/** The addresses of a name in a sandbox, as the C library finds them there: sorted, /etc/hosts included. */
export async function lookUp(sandbox: SandboxHandle, name: string, database = "ahosts"): Promise<string[] | undefined> {
  const lines = (await attempt(sandbox, `getent ${database} ${name}`))?.split("\n");
  return lines && [...new Set(lines.map((line) => line.split(/\s+/)[0] ?? ""))].toSorted();
}

/** What a program with a resolver of its own gets for a question of any type. */
export async function resolve(sandbox: SandboxHandle, name: string, type: string): Promise<unknown> {
  const program = `require("node:dns").resolve("${name}", "${type}", (error, found) => console.log(JSON.stringify(error?.code ?? found)))`;
  return JSON.parse((await attempt(sandbox, `${process.execPath} -e '${program}'`)) ?? "null");
}

/** The first address of each family that a sandbox has on its only network. */
export async function addressesOf(sandbox: SandboxHandle): Promise<string[]> {
  const [endpoint] = (await sandbox.inspect()).endpoints;
  expect(endpoint).toBeDefined();
  return endpoint?.addresses.map(({ address }) => address.split("/")[0] ?? "") ?? [];
}
