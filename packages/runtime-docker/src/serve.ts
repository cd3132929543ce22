import { join } from "node:path";
import { serveLocally, type LocalServer } from "@netkit/agent";
import type { Netkit } from "@netkit/engine";
import { Containers } from "./containers.ts";
import { ipamDriver } from "./ipam-driver.ts";
import type { Methods } from "./method.ts";
import { Names } from "./names.ts";
import { networkDriver } from "./network-driver.ts";
import { Pools } from "./pools.ts";
import { respond } from "./respond.ts";

/** Where Docker looks for sockets of plugins first. */
export const pluginFolder = "/run/docker/plugins";

export interface DockerOptions {
  /** Where the sockets are made; default {@link pluginFolder}. */
  readonly folder?: string;
  /** The socket of Docker's own API, which tells what containers are called; absent: they have names of netkit's alone. */
  readonly api?: string;
}

export interface DockerServer extends AsyncDisposable {
  /** What Docker calls the drivers (`docker network create -d`). The first one is the IPAM driver, too. */
  readonly names: readonly string[];
  /** Makes sockets anew that somebody has taken away. */
  lookAfter(): Promise<void>;
  close(): Promise<void>;
}

/** netkit's drivers that containers can be on, by what their name in Docker ends in. */
const drivers: Readonly<Record<string, string>> = {
  "": "bridge",
  "-overlay": "overlay",
  "-macvlan": "macvlan",
  "-flannel": "flannel",
};

/**
 * Serves Docker's remote driver protocol (moby, daemon/libnetwork/docs/remote.md and ipam.md) on a socket for each driver:
 * `netkit` with IPAM, `netkit-overlay`, `netkit-macvlan`, `netkit-flannel`; of another root than the default with its tag, `netkit-0a1b2c`.
 * What Docker does to the interfaces that it is handed is its own.
 * @throws NetkitError AGENT_UNAVAILABLE: a socket can't be made
 */
export async function serveDocker(netkit: Netkit, options: DockerOptions = {}): Promise<DockerServer> {
  const { folder = pluginFolder } = options;
  const pools = new Pools();
  // A container may be on networks of several drivers.
  const containers = new Containers(netkit);
  const ipam = ipamDriver(netkit, pools, containers);
  const plugins = Object.entries(drivers).map(([suffix, driver]) => {
    const methods = networkDriver(netkit, pools, containers, driver);
    return {
      name: `${netkit.instance.mark}${suffix}`,
      methods:
        suffix === ""
          ? plugin({ ...methods, ...ipam }, "NetworkDriver", "IpamDriver")
          : plugin(methods, "NetworkDriver"),
    };
  });
  const serve = async (name: string, methods: Methods): Promise<LocalServer> =>
    await serveLocally(
      join(folder, `${name}.sock`),
      async (request, response) => await respond(methods, request, response),
    );

  const servers = new Map<string, LocalServer>();
  const names = options.api === undefined ? undefined : new Names(options.api, netkit, containers);
  const close = async (): Promise<void> => {
    await names?.[Symbol.asyncDispose]();
    await Promise.all([...servers.values()].map(async (server) => await server.close()));
    servers.clear();
  };
  try {
    for (const { name, methods } of plugins) servers.set(name, await serve(name, methods));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    names: plugins.map(({ name }) => name),
    async lookAfter() {
      for (const { name, methods } of plugins) {
        const before = servers.get(name);
        if (before === undefined || before.isThere) continue;
        servers.set(name, await serve(name, methods));
        before.leave();
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function plugin(methods: Methods, ...kinds: string[]): Methods {
  return { "Plugin.Activate": async () => ({ Implements: kinds }), ...methods };
}
