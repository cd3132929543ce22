import { closeSync, existsSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Agent, Runtime } from "@netkit/agent";
import { defaultRoot, isNetkitError, NetkitError, type Store } from "@netkit/core";
import { openNetkit, sharesNetworks } from "@netkit/engine";
import type { Relay } from "@netkit/runtime";
import type { PluginType } from "@netkit/runtime-cni/names";
import { askTheAgent } from "../agent-request.ts";
import { command, type Command } from "../command.ts";
import { servesDocker } from "../docker-service.ts";
import { formatFailure } from "../failure.ts";
import type { Globals } from "../globals.ts";
import { durationMs } from "../moment.ts";
import { tellSystemd, unitFolder } from "../systemd.ts";
import { engineOptions } from "../session.ts";
import { readSettings, type Settings } from "../settings.ts";
import {
  absolute,
  fileOf,
  openShared,
  ownStore,
  rememberStore,
  shown,
  storeWords,
  type SharedStore,
} from "../shared-store.ts";
import { versions } from "../versions.ts";
import { unitName } from "./agent-install.ts";

/** How long another agent may take to serve, or to end: less than the command that waits for this one has patience. */
const othersTimeoutMs = 10_000;

export const agent: Command = command({
  name: "agent",
  summary: "Serve names in sandboxes, hold ports, watch processes, tell what happens",
  details: [
    "One agent runs for each state directory. Commands start one by themselves when a network with names or 'run -d --rm'\nneeds it, and such a one ends when nothing does; 'netkit agent install' has systemd run one for good. Sandboxes go on\nworking without it, but for names.",
  ],
  options: {
    linger: { value: "DURATION", summary: "End once nothing has needed it for so long (5s, 1m30s; default: stay)" },
    store: {
      value: "URL",
      summary:
        "Share global networks with other hosts: etcd://HOST:PORT,..., consul://HOST:PORT or file:PATH (remembered; local: no more)",
      complete: storeWords,
    },
    advertise: {
      value: "LINK",
      summary: "What other hosts reach this one by: a link or an address (remembered)",
      complete: "link-or-address",
    },
    docker: { summary: "Serve Docker's containers (remembered by 'netkit docker install')" },
    "ready-fd": { value: "FD", summary: "Write a line to this file descriptor once it serves, and close it" },
  },
  examples: [
    { line: "netkit agent", summary: "In the foreground, until Ctrl-C" },
    {
      line: "netkit agent --store etcd://10.0.0.5:2379 --advertise eth1",
      summary: "Overlay networks are those of all hosts with that store",
    },
    {
      line: "netkit agent --store file:/etc/netkit/hosts.yaml",
      summary: "Those that a file lists, which is the same on all hosts; they need no server",
    },
    { line: "netkit agent --docker", summary: "Docker's containers can be on netkit's networks" },
    { line: "netkit agent status", summary: "What it serves" },
    { line: "netkit agent install", summary: "As a service of systemd" },
  ],
  changes: false,
  abortable: true,
  async help() {
    const { commandsOf } = await import("../catalog.ts");
    const rows = commandsOf("agent").map(({ name, summary }) => [name, summary] as const);
    return [{ title: "Commands", rows: rows.slice(1) }];
  },
  async run({ globals, options, terminal, change: { signal } }) {
    const before = await readSettings(globals);
    const settings = withStore(before, options);
    const { sharedStore } = settings;
    // Whether it is one, before anything remembers it.
    const named = sharedStore === undefined || isFile(sharedStore) ? undefined : await openShared(sharedStore.url);
    try {
      await refuseLeaving(before, sharedStore, named);
    } finally {
      await named?.close();
    }
    const lingerMs = options.linger === undefined ? undefined : durationMs(options.linger);
    if (lingerMs === undefined && options.linger !== undefined) throw invalid("linger", options.linger, "5s or 1m30s");
    const fd = options["ready-fd"] === undefined ? undefined : Number(options["ready-fd"]);
    if (fd !== undefined && !(Number.isInteger(fd) && fd > 2)) {
      throw invalid("ready-fd", options["ready-fd"] ?? "", "3 or more");
    }
    const root = resolve(settings.root ?? defaultRoot);
    const forDocker = options.docker || servesDocker(root);
    // The log may be on a disk that is full; names are served all the same.
    process.stderr.on("error", () => {});
    const { nameAgentProcess, startAgent } = await import("@netkit/agent");
    nameAgentProcess();
    const onError = (error: NetkitError): unknown =>
      process.stderr.write(`${new Date().toISOString()} ${formatFailure(error, terminal)}\n`);
    const start = async (): Promise<Agent> =>
      await startAgent({
        ...engineOptions(settings),
        version: versions().netkit,
        runtimes,
        // Docker may ask at any time.
        ...(lingerMs === undefined || forDocker ? {} : { lingerMs }),
        onError,
      });
    const isNamed = options.store !== undefined || options.advertise !== undefined;
    const startAlone = async (): Promise<Agent> =>
      await start().catch((error: unknown) => {
        throw isNamed ? withOtherStore(error, root, before.sharedStore, sharedStore) : error;
      });
    await using running = fd === undefined ? await startAlone() : await startUnlessServed(start, globals, signal);
    if (running !== undefined && isNamed) rememberStore(root, sharedStore);
    await using docker =
      running !== undefined && forDocker ? await serveToo(running, options.docker, onError) : undefined;
    if (fd !== undefined) {
      writeSync(fd, "ready\n");
      closeSync(fd);
    }
    if (running === undefined) return {};
    if (process.stderr.isTTY) process.stderr.write(`${greeting(root, sharedStore, docker !== undefined)}\n`);
    await tellSystemd("--ready");
    const end = async (): Promise<void> => {
      await docker?.[Symbol.asyncDispose]();
      await running.close();
    };
    signal?.addEventListener("abort", () => void end());
    if (signal?.aborted) await end();
    await running.ended;
    await tellSystemd("--stopping");
    return {};
  },
});

/** Answers calls of another engine; what does so is loaded with the first. */
function loaded(load: () => Promise<Relay>): Runtime {
  let loading: Promise<Relay> | undefined;
  return async (netkit, call) => {
    loading ??= load();
    return await (
      await loading
    )(netkit, call);
  };
}

function cni(type: PluginType): Runtime {
  return loaded(async () => (await import("@netkit/runtime-cni")).relay(type));
}

/** What the executables ask for: see cni-files.ts and podman-files.ts. */
const runtimes: Readonly<Record<string, Runtime>> = {
  "cni-netkit": cni("netkit"),
  "cni-netkit-ipam": cni("netkit-ipam"),
  netavark: loaded(async () => {
    const [{ relay }, { backendVersion }] = await Promise.all([
      import("@netkit/runtime-netavark"),
      import("../netavark.ts"),
    ]);
    return relay(backendVersion());
  }),
};

/** Serves Docker as long as the agent lives. What stands in its way is no reason to serve no names, unless it was asked for now. */
async function serveToo(
  { netkit, engines }: Agent,
  isAskedFor: boolean,
  onError: (error: NetkitError) => void,
): Promise<AsyncDisposable | undefined> {
  const { serveDockerPlugins } = await import("../docker-plugins.ts");
  try {
    const docker = await serveDockerPlugins(netkit, onError);
    engines.add("Docker");
    return docker;
  } catch (error) {
    if (isAskedFor || !isNetkitError(error)) throw error;
    onError(error);
    return undefined;
  }
}

function greeting(root: string, sharedStore: SharedStore | undefined, hasDocker: boolean): string {
  const sharing = sharedStore === undefined ? "" : `; shares networks by ${storeText(sharedStore)}`;
  return `serving ${root}${hasDocker ? " and Docker" : ""}${sharing}; Ctrl-C ends it`;
}

function storeText({ url, advertise }: SharedStore): string {
  return advertise === undefined ? shown(url) : `${shown(url)}, reached by ${advertise}`;
}

/** Where an agent runs already, which store it has, and how to come to the one that was named. */
function withOtherStore(
  error: unknown,
  root: string,
  has: SharedStore | undefined,
  named: SharedStore | undefined,
): unknown {
  const isSame = has?.url === named?.url && has?.advertise === named?.advertise;
  if (!isNetkitError(error) || error.code !== "AGENT_RUNNING" || isSame) return error;
  const store = has === undefined ? "this host's own store" : `the store ${storeText(has)}`;
  const service = unitName(root);
  const next = existsSync(join(unitFolder, service))
    ? `systemctl stop ${service}, then this command again until it serves, then Ctrl-C and systemctl start ${service}`
    : "netkit agent stop, then this command again";
  return new NetkitError("AGENT_RUNNING", `${error.message}, with ${store}`, {
    hint: `An agent has one store as long as it runs. To change it: ${next}.`,
    details: error.details,
    cause: error,
  });
}

function isFile({ url }: SharedStore): boolean {
  return fileOf(url, "/") !== undefined;
}

/**
 * Of a file that takes another's place what doesn't hold any more is told as of one that changes.
 * @param store what is named, unless it is a file
 * @throws NetkitError NETWORK_IN_USE: sandboxes of this host are on networks of its store that the one which is named hasn't
 */
async function refuseLeaving(
  settings: Settings,
  named: SharedStore | undefined,
  store: Store | undefined,
): Promise<void> {
  const has = settings.sharedStore;
  if (has === undefined || has.url === named?.url) return;
  if (isFile(has) && named !== undefined && isFile(named)) return;
  await using netkit = await openNetkit({ looking: true, ...engineOptions(settings) });
  const networks = new Map((await netkit.networks.list()).map(({ id, name, scope }) => [id, { name, scope }]));
  const users = (await netkit.sandboxes.list()).flatMap(({ name, endpoints }) =>
    endpoints.flatMap(({ network }) => {
      const found = networks.get(network);
      return found?.scope === "global" ? [{ sandbox: name, network: found.name, id: network }] : [];
    }),
  );
  const [first] = users;
  if (first === undefined) return;
  const ids = users.map(({ id }) => id);
  if (store !== undefined && (await sharesNetworks(store, ids))) return;
  const who = users.map(({ sandbox, network }) => `'${sandbox}' on '${network}'`).join(", ");
  throw new NetkitError(
    "NETWORK_IN_USE",
    `this host can't leave its store: sandboxes are on networks that the other one hasn't: ${who}`,
    {
      hint: `Disconnect or remove them first: netkit network disconnect ${first.network} ${first.sandbox}`,
      details: { users },
    },
  );
}

/** @throws NetkitError ARGUMENT_INVALID: there is nobody to advertise anything to */
function withStore(
  settings: Settings,
  { store, advertise }: { readonly store?: string | undefined; readonly advertise?: string | undefined },
): Settings {
  const { sharedStore, ...others } = settings;
  if (store === ownStore) return others;
  const url = store === undefined ? sharedStore?.url : absolute(store, process.cwd());
  const reachedBy = advertise ?? sharedStore?.advertise;
  if (url === undefined) {
    if (advertise === undefined) return others;
    throw new NetkitError("ARGUMENT_INVALID", "--advertise is for hosts that share a store", {
      hint: "Name the store, too: --store etcd://HOST:2379",
    });
  }
  return { ...others, sharedStore: { url, ...(reachedBy === undefined ? {} : { advertise: reachedBy }) } };
}

/**
 * Starts an agent for a command that needs one, whichever it is: where another one has the lock, it may have been faster and
 * serve soon (then nothing is started), or be about to end.
 */
async function startUnlessServed(
  start: () => Promise<Agent>,
  globals: Globals,
  signal: AbortSignal | undefined,
): Promise<Agent | undefined> {
  const deadline = performance.now() + othersTimeoutMs;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!isNetkitError(error) || error.code !== "AGENT_RUNNING") throw error;
      if (await isServed(globals)) return undefined;
      if (signal?.aborted === true || performance.now() >= deadline) throw error;
      await setTimeout(50);
    }
  }
}

async function isServed(globals: Globals): Promise<boolean> {
  try {
    await askTheAgent(globals, { method: "GET", target: "/v1/status", timeoutMs: 2_000 });
    return true;
  } catch {
    return false;
  }
}

function invalid(option: string, text: string, example: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `--${option} ${JSON.stringify(text)} is not understood`, {
    hint: `Write ${example}.`,
  });
}
