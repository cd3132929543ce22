import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeDirectory } from "@netkit/store-sqlite";
import { NetkitError, type Store } from "@netkit/core";

/** The store that this host shares with others, and what they reach it by. */
export interface SharedStore {
  /** `etcd:`, `consul:`, or `file:` with a path that is absolute. */
  readonly url: string;
  readonly advertise?: string;
}

/** For `--store`: the one in the state directory, of this host alone. */
export const ownStore = "local";

/** What `--store` begins with, or is. */
export const storeWords: readonly string[] = ["etcd://", "etcds://", "consul://", "consuls://", "file:", ownStore];

function pathIn(root: string): string {
  return join(root, "shared.json");
}

/** What the agent was last started with: commands have to find the same store. */
export function rememberedStore(root: string): SharedStore | undefined {
  let text: string;
  try {
    text = readFileSync(pathIn(root), "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // Whoever may not read it may not read the state either, and is told so.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return undefined;
    throw cause;
  }
  return JSON.parse(text) as SharedStore;
}

/** The URL may hold a password. */
export function rememberStore(root: string, store: SharedStore | undefined): void {
  if (store === undefined) return rmSync(pathIn(root), { force: true });
  makeDirectory(root);
  writeFileSync(pathIn(root), `${JSON.stringify(store)}\n`, { mode: 0o600 });
}

/** The path that a URL of a file names, by what it is relative to; undefined: it names another store. */
export function fileOf(url: string, folder: string): string | undefined {
  const [, path] = /^file:(?:\/\/)?(.+)$/.exec(url) ?? [];
  return path === undefined ? undefined : resolve(folder, path);
}

/** A URL as anybody may see it: without login and parameters, which may hold a password or a token. */
export function shown(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^@/?#]*@/, "$1").replace(/\?.*$/s, "");
}

/** A URL that means the same wherever it is read. */
export function absolute(url: string, folder: string): string {
  const path = fileOf(url, folder);
  return path === undefined ? url : `file:${path}`;
}

/**
 * Opens a store by its URL; nothing of it is loaded before.
 * @param prefix what all keys begin with, whatever the URL says
 * @throws NetkitError ARGUMENT_INVALID
 */
export async function openShared(url: string, prefix?: string): Promise<Store> {
  const under = prefix === undefined ? {} : { prefix };
  switch (/^([a-z]+):/.exec(url)?.[1]) {
    case "etcd":
    case "etcds": {
      const { openEtcdStore, parseEtcdUrl } = await import("@netkit/store-etcd");
      return openEtcdStore({ ...parseEtcdUrl(url), ...under });
    }
    case "consul":
    case "consuls": {
      const { openConsulStore, parseConsulUrl } = await import("@netkit/store-consul");
      return openConsulStore({ ...parseConsulUrl(url), ...under });
    }
    default:
      throw new NetkitError("ARGUMENT_INVALID", "the store is neither of etcd nor of Consul, nor a file", {
        hint: `Write etcd://HOST:2379, consul://HOST:8500 or file:PATH; '${ownStore}' is this host's own again.`,
      });
  }
}
