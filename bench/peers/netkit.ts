import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { agentSocket, askAgent } from "@netkit/agent/client";
import type { SandboxHandle } from "@netkit/engine";
import { command } from "../command.ts";
import { openLibrary } from "../library.ts";
import { ownNamespace, portWords, type Box, type Contender, type Entry } from "./contender.ts";
import { pluginContender } from "./cni.ts";
import { backendContender } from "./netavark.ts";
import { run, said, versionIn } from "./run.ts";

const netkit = [process.execPath, command];
const network = { name: "bench", subnets: [{ subnet: "10.7.0.0/16" }] };

function find(): { version: string } {
  return { version: versionIn(said(process.execPath, command, "version") ?? "") };
}

/** What stays attached, unlike engines' containers. */
const kept = "kept";

function nameOf({ number }: Box): string {
  return `box-${number}`;
}

/** In a program's own process, without names. */
export const library: Entry = { find, start: async (root) => await startLibrary(root, {}) };

/** The same as others have it: what sandboxes send goes out as whatever they say that they are. */
export const unguarded: Entry = { find, start: async (root) => await startLibrary(root, { "spoof-check": "false" }) };

async function startLibrary(root: string, options: Readonly<Record<string, string>>): Promise<Contender> {
  const netkit = await openLibrary(root);
  await netkit.networks.create({ ...network, options });
  await netkit.sandboxes.open({ name: kept, networks: [network.name] });
  const handles = new Map<number, SandboxHandle>();
  const of = ({ number }: Box): SandboxHandle => {
    const handle = handles.get(number);
    if (handle === undefined) throw new Error(`there is no box ${number}`);
    return handle;
  };
  return {
    open: async (box) => void handles.set(box.number, await netkit.sandboxes.open({ name: nameOf(box) })),
    attach: async (box) => void (await of(box).connect(network.name, { publish: portWords(box) })),
    detach: async (box) => void (await of(box).disconnect(network.name)),
    close: async (box) => await of(box).close(),
    place: async (box) => {
      const { endpoints } = await of(box).inspect();
      const [cidr = ""] = endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => address));
      return { host: ownNamespace, box: of(box).netns ?? "", address: cidr.split("/")[0] ?? "" };
    },
    stop: async () => await netkit.close(),
  };
}

/** Asked by its API; it serves names. */
export const agent: Entry = { find, start: async (root) => await startAgent(root) };

/** The command, told by the agent that runs beside it. */
export const cli: Entry = {
  find,
  start: async (root) => {
    return {
      ...(await startAgent(root)),
      attach: async (box) => {
        const ports = portWords(box).flatMap((port) => ["--publish", port]);
        await runNetkit("network", "connect", ...ports, network.name, nameOf(box));
      },
      detach: async (box) => await runNetkit("network", "disconnect", network.name, nameOf(box)),
      program: {
        name: "netkit",
        version: "",
        words: { version: [...netkit, "version"], list: [...netkit, "network", "ls"] },
      },
    };
  },
};

/** The executables that `netkit cni install` and `netkit podman install` write. */
const plugins = "/run/bench/cni";
const helpers = "/run/bench/podman";

export const cniPlugin: Entry = {
  find,
  start: async (root) => {
    const beside = await startAgent(root);
    const words = ["cni", "install", "--network", network.name, "--bin-dir", plugins, "--conf-dir", "/run/bench/conf"];
    execFileSync(process.execPath, [command, ...words]);
    const contender = await pluginContender("bench", plugins, [{ type: "netkit", network: network.name }]);
    return withStop(contender, beside);
  },
};

export const podmanBackend: Entry = {
  find,
  start: async (root) => {
    const beside = await startAgent(root);
    execFileSync(process.execPath, [command, "podman", "install", "--bin-dir", helpers]);
    return withStop(await backendContender([`${helpers}/netavark`]), beside);
  },
};

async function runNetkit(...words: readonly string[]): Promise<void> {
  await run([...netkit, ...words]);
}

/** Its packets go the library's way. */
function withStop({ open, attach, detach, close }: Contender, { stop }: Contender): Contender {
  return { open, attach, detach, close, ...(stop === undefined ? {} : { stop }) };
}

/** An agent in a process of its own, as the command starts one, with the network and a box on it. */
async function startAgent(root: string): Promise<Contender> {
  const words = ["--max-semi-space-size=2", command, "agent", "--root", root, "--ready-fd", "3"];
  const server = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  process.on("exit", () => server.kill());
  await once(server.stdio[3] as Readable, "data");
  const ask = async (method: "POST" | "DELETE", target: string, body?: unknown): Promise<void> =>
    void (await askAgent(agentSocket(root), { method, target, body }));
  await ask("POST", "/v1/networks", network);
  await ask("POST", "/v1/sandboxes", { name: kept, networks: [network.name] });
  return {
    open: async (box) => await ask("POST", "/v1/sandboxes", { name: nameOf(box) }),
    attach: async (box) =>
      await ask("POST", `/v1/sandboxes/${nameOf(box)}/endpoints`, { network: network.name, publish: portWords(box) }),
    detach: async (box) => await ask("DELETE", `/v1/sandboxes/${nameOf(box)}/endpoints/${network.name}`),
    close: async (box) => await ask("DELETE", `/v1/sandboxes/${nameOf(box)}?force=true`),
    stop: async () => {
      server.kill("SIGTERM");
      await once(server, "exit");
    },
  };
}
