import { agentLink } from "@netkit/agent/client";
import { startAgent, type Agent } from "@netkit/agent";
import type { Store } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { flannel, type LeaseTimes } from "@netkit/driver-flannel";
import { none } from "@netkit/driver-none";
import { overlay } from "@netkit/driver-overlay";
import {
  openNetkit,
  type ChangeOptions,
  type EndpointRequest,
  type Netkit,
  type NetkitOptions,
  type NetworkRequest,
  type SandboxRequest,
} from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { attempt } from "@netkit/testing";
import { answerCalls } from "@netkit/testing/calls";
import { openShared } from "../src/shared-store.ts";

/** What plays a host has to know. */
export interface Place {
  readonly root: string;
  /** A URL, the path of a file of SQLite, or `file:` and that of one which lists hosts and networks. */
  readonly store: string;
  readonly name: string;
  readonly leaseMs: number;
  /** Of leases of flannel's; default as flanneld has them. */
  readonly flannelTimes?: LeaseTimes;
}

const [place = "{}"] = process.argv.slice(2);
const { root, store, name, leaseMs, flannelTimes } = JSON.parse(place) as Place;
const options: NetkitOptions = {
  root,
  drivers: [bridge(), none(), overlay(), flannel(flannelTimes)],
  openStore: openShared,
  firewall: "nftables",
  shared: {
    ...(store.startsWith("file:")
      ? { file: store.slice("file:".length) }
      : {
          open: async () =>
            mortal(
              store.startsWith("/") ? openSqliteStore({ path: store, synchronous: "off" }) : await openShared(store),
            ),
        }),
    advertise: "up0",
    name,
    leaseMs,
  },
};
const complaints: string[] = [];
let diesAt: "attach" | "detach" | undefined;
let agent: Agent | undefined;
let opened: Promise<Netkit> | undefined;

/** It may end this process once it has told other hosts of an endpoint, or of its end. */
function mortal(opened: Store): Store {
  const commit = opened.commit.bind(opened);
  opened.commit = async (wanted) => {
    const result = await commit(wanted);
    const told = wanted.writes.find(({ key }) => key.startsWith("endpoint/"));
    const did = told && (told.value === undefined ? "detach" : "attach");
    if (did !== undefined && did === diesAt) process.kill(process.pid, "SIGKILL");
    return result;
  };
  return opened;
}

async function start(): Promise<void> {
  agent = await startAgent({ ...options, onError: (error) => void complaints.push(error.message) });
}

function warn(error: Error): void {
  complaints.push(`warning: ${error.message}`);
}

async function netkit(): Promise<Netkit> {
  return await (opened ??= openNetkit({ ...options, agent: agentLink({ root, start, warn }) }));
}

/** What the test asks of a host: as commands would do it, each in one call. */
const calls = {
  create: async (request: NetworkRequest, options: Pick<ChangeOptions, "dryRun"> = {}) =>
    await (await netkit()).networks.create(request, options),
  networks: async () => (await (await netkit()).networks.list()).map((network) => network.name),
  inspect: async (network: string) => await (await netkit()).networks.inspect(network),
  removeNetwork: async (network: string) => void (await (await netkit()).networks.remove(network, { onWarning: warn })),
  open: async (request: SandboxRequest) => {
    const sandbox = await (await netkit()).sandboxes.open(request);
    return (await sandbox.inspect()).endpoints;
  },
  connect: async (sandbox: string, request: EndpointRequest) =>
    await (await (await netkit()).sandboxes.get(sandbox)).connect(request),
  disconnect: async (sandbox: string, network: string) =>
    void (await (await (await netkit()).sandboxes.get(sandbox)).disconnect(network)),
  remove: async (sandbox: string) => void (await (await netkit()).sandboxes.remove(sandbox, { force: true })),
  /** What a command prints in a sandbox; undefined if it fails. */
  attempt: async (sandbox: string, command: string) =>
    await attempt(await (await netkit()).sandboxes.get(sandbox), command),
  hosts: async () => await (await netkit()).hosts(),
  findings: async (repair = false) =>
    (await (await netkit()).doctor({ repair })).findings.map(({ message }) => message),
  checkPeers: async () => await (await netkit()).checkPeers({ timeoutMs: 1_500 }),
  namesakes: async (sandbox: string) => await (await netkit()).namesakes(sandbox),
  sharing: async () => await (await netkit()).sharing(),
  /** With the next one of that. */
  dieAt: async (what: "attach" | "detach") => void (diesAt = what),
  startAgent: start,
  stopAgent: async () => await agent?.close(),
  /** All has been taken in that others have written. */
  share: async () => await agent?.share(),
  /** What is wrong with the file that hosts share, as 'agent status' tells it. */
  troubles: async () => agent?.status().peersFile?.troubles,
  complaints: async () => complaints.splice(0),
  close: async () => {
    await (await opened)?.close();
    await agent?.close();
  },
};

export type Calls = typeof calls;

answerCalls(calls);
