import { mkdirSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { findProgram, referencePlugin } from "@netkit/testing";
import { singleMappings, type Box, type Contender, type Entry } from "./contender.ts";
import { inNamespaces } from "./namespaces.ts";
import { packageVersion } from "./package-version.ts";
import { run } from "./run.ts";

/** One plugin's part of a configuration list. */
interface PluginConfiguration {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Plugins run one after the other, each told the last one's result, as libcni does (CNI specification 1.0.0, section 5). */
export async function pluginContender(
  name: string,
  folder: string,
  list: readonly PluginConfiguration[],
  path = "/usr/sbin:/usr/bin:/sbin:/bin",
): Promise<Contender> {
  const results = new Map<number, unknown>();
  const call = async (verb: string, box: Box, plugin: PluginConfiguration, prevResult: unknown): Promise<string> => {
    const portMappings = singleMappings(box).map(({ host, box: inner }) => ({
      hostPort: host,
      containerPort: inner,
      protocol: "tcp",
    }));
    const configuration = { cniVersion: "1.0.0", name, ...plugin, runtimeConfig: { portMappings }, prevResult };
    const env = {
      PATH: path,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: `box-${box.number}`,
      CNI_NETNS: box.path,
      CNI_IFNAME: "eth0",
      CNI_PATH: folder,
    };
    return await run([`${folder}/${plugin.type}`], { input: JSON.stringify(configuration), env });
  };
  /** libcni leaves out plugins whose capabilities nobody asks for. */
  const of = ({ ports }: Box): readonly PluginConfiguration[] =>
    list.filter(({ type }) => ports > 0 || type !== "portmap");
  const way = {
    attach: async (box: Box): Promise<void> => {
      let result: unknown;
      for (const plugin of of(box)) result = JSON.parse(await call("ADD", box, plugin, result));
      results.set(box.number, result);
    },
    detach: async (box: Box): Promise<void> => {
      for (const plugin of of(box).toReversed()) await call("DEL", box, plugin, results.get(box.number));
    },
  };
  return await inNamespaces(way, ({ number }) => {
    const { ips } = results.get(number) as { ips: { address: string }[] };
    return ips[0]?.address.split("/")[0] ?? "";
  });
}

/** The reference plugins: bridge with host-local, and portmap where ports are published. */
export function referencePlugins(backend: "iptables" | "nftables"): Entry {
  return {
    find: () => {
      const missing = ["bridge", "host-local", "portmap"].find((name) => referencePlugin(name) === undefined);
      if (missing !== undefined) return { missing: `no CNI plugin '${missing}' (Debian: containernetworking-plugins)` };
      const version = packageVersion("containernetworking-plugins");
      // From 1.6 on.
      if (backend === "nftables" && /^(0|1\.[0-5])\./.test(version)) return { missing: `${version} has only iptables` };
      return { version };
    },
    start: async () => {
      const folder = dirname(referencePlugin("bridge") ?? "");
      const ipam = { type: "host-local", ranges: [[{ subnet: "10.99.0.0/16" }]], dataDir: "/var/lib/cni/networks" };
      const bridge = { bridge: "cni0", isDefaultGateway: true, ipMasq: true, ipMasqBackend: backend, ipam };
      const list = [
        { type: "bridge", ...bridge },
        { type: "portmap", snat: true, backend },
      ];
      return await pluginContender("reference", folder, list, backend === "nftables" ? nftAlone() : undefined);
    },
  };
}

/**
 * A PATH of a host without iptables: where there is one, bridge's DEL takes away rules of both backends, and fails with
 * iptables 1.8.13, whose way of saying that there is no such chain it doesn't know (1.9.1).
 */
function nftAlone(): string {
  const folder = "/run/bench/nft";
  mkdirSync(folder);
  symlinkSync(findProgram("nft") ?? "", `${folder}/nft`);
  return folder;
}
