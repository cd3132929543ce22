import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { defaultRoot, didYouMean, NetkitError } from "@netkit/core";
import type { FirewallBackend } from "@netkit/engine";
import type { Config } from "./config.ts";
import { isFirewall, type Globals } from "./globals.ts";
import { absolute, rememberedStore, type SharedStore } from "./shared-store.ts";

const defaultPath = "/etc/netkit/netkit.json";

/** What options, environment and configuration file come to; the first of them that says something decides. */
export interface Settings {
  readonly root?: string;
  readonly firewall?: FirewallBackend;
  /** An agent serves names, and is started when that is needed. */
  readonly agent: boolean;
  /** Driver packages and files of the configuration. */
  readonly drivers: readonly string[];
  /** The folders from which they are looked up: the configuration file's, then the current one. */
  readonly folders: readonly string[];
  readonly networkDefaults?: NonNullable<Config["default-network-opts"]>;
  readonly hostGateway?: readonly string[];
  /** Absent: global networks are of this host alone. */
  readonly sharedStore?: SharedStore;
}

/** @throws NetkitError CONFIG_INVALID, ARGUMENT_INVALID */
export async function readSettings(
  globals: Pick<Globals, "root" | "config" | "firewall">,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Settings> {
  const named = globals.config ?? env["NETKIT_CONFIG"];
  const path = resolve(named ?? defaultPath);
  const text = readConfig(path, named === undefined);
  const config: Config = text === undefined ? {} : (await import("./config.ts")).parseConfig(text, path);
  const given = globals.root ?? env["NETKIT_ROOT"];
  const root = given ?? (config.root === undefined ? undefined : resolve(dirname(path), config.root));
  const firewall = globals.firewall ?? env["NETKIT_FIREWALL"] ?? config.firewall;
  if (root === "") throw new NetkitError("ARGUMENT_INVALID", "--root is empty", { hint: "Give a directory." });
  if (firewall !== undefined && !isFirewall(firewall)) {
    throw new NetkitError("ARGUMENT_INVALID", `unknown firewall ${JSON.stringify(firewall)}`, {
      hint: didYouMean(firewall, ["auto", "nftables", "iptables", "none"], "It is auto, nftables, iptables or none."),
    });
  }
  const sharedStore = sharedStoreOf(config, dirname(path), resolve(root ?? defaultRoot));
  const { "default-network-opts": networkDefaults, "host-gateway-ip": hostGateway } = config;
  return {
    ...(root === undefined ? {} : { root: resolve(root) }),
    ...(firewall === undefined ? {} : { firewall }),
    agent: config.agent ?? true,
    drivers: config.drivers ?? [],
    ...(networkDefaults === undefined ? {} : { networkDefaults }),
    ...(hostGateway === undefined ? {} : { hostGateway }),
    ...(sharedStore === undefined ? {} : { sharedStore }),
    folders: [...new Set([dirname(path), process.cwd()])],
  };
}

/** What the configuration says, or else what the agent was told last. */
function sharedStoreOf({ store, advertise }: Config, folder: string, root: string): SharedStore | undefined {
  const remembered = rememberedStore(root);
  const url = store === undefined ? remembered?.url : absolute(store, folder);
  const reachedBy = advertise ?? remembered?.advertise;
  if (url === undefined) return undefined;
  return { url, ...(reachedBy === undefined ? {} : { advertise: reachedBy }) };
}

function readConfig(path: string, optional: boolean): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" && optional) return undefined;
    throw new NetkitError("CONFIG_INVALID", `can't read the configuration file ${path}: ${code ?? String(cause)}`, {
      hint: "Check the path given by --config or NETKIT_CONFIG.",
      details: { path },
      cause,
    });
  }
}
