import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { defaultRoot } from "@netkit/core";
import { openNetkit, type Netkit, type NetkitOptions, type Timing } from "@netkit/engine";
import { linkTo } from "./agent-link.ts";
import { builtInDrivers, findDriver } from "./drivers.ts";
import type { Globals } from "./globals.ts";
import { readSettings, type Settings } from "./settings.ts";
import { fileOf, openShared, type SharedStore } from "./shared-store.ts";

/** The engine, opened when a command first asks for it and closed with the session. */
export interface Session extends AsyncDisposable {
  /** @param looking see NetkitOptions; it counts at the first call */
  open(looking: boolean): Promise<Netkit>;
}

/** The options that say which engine is opened, and how its agent's warnings look. */
type SessionGlobals = Pick<Globals, "root" | "config" | "firewall" | "no-color">;

export function session(globals: SessionGlobals, onTiming?: (timing: Timing) => void): Session {
  let opened: Promise<Netkit> | undefined;
  const open = async (looking: boolean): Promise<Netkit> =>
    await openWith(await readSettings(globals), globals, looking, onTiming);
  return {
    open: (looking) => (opened ??= open(looking)),
    async [Symbol.asyncDispose]() {
      // An engine that failed to open has been reported by who asked for it.
      const netkit = await opened?.catch(() => undefined);
      await netkit?.close();
    },
  };
}

async function openWith(
  settings: Settings,
  globals: SessionGlobals,
  looking: boolean,
  onTiming?: (timing: Timing) => void,
): Promise<Netkit> {
  return await openNetkit({
    looking,
    ...engineOptions(settings),
    ...(settings.agent ? { agent: linkTo(resolve(settings.root ?? defaultRoot), globals) } : {}),
    ...(onTiming === undefined ? {} : { onTiming }),
  });
}

/** What a library is opened with by these settings, whether in a command or in the agent. */
export function engineOptions(settings: Settings): Omit<NetkitOptions, "agent" | "onTiming"> {
  const { agent: _, drivers: __, folders: ___, sharedStore, ...given } = settings;
  return {
    ...given,
    ...(sharedStore === undefined ? {} : { shared: sharedOptions(sharedStore) }),
    openStore: async (url, prefix) => await openShared(url, prefix),
    loadDriver: (name) => findDriver(name, settings),
    // Those of the configuration are loaded when a network uses them: a broken one must not stop every command.
    loadable: builtInDrivers,
  };
}

function sharedOptions({ url, advertise }: SharedStore): NonNullable<NetkitOptions["shared"]> {
  const file = fileOf(url, "/");
  return {
    ...(file === undefined ? { open: async () => await openShared(url), id: idOf(url) } : { file }),
    ...(advertise === undefined ? {} : { advertise }),
  };
}

/** A URL may hold a password. */
function idOf(url: string): string {
  return createHash("sha256").update(url).digest("hex");
}
