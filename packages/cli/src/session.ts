import { resolve } from "node:path";
import { defaultRoot } from "@netkit/core";
import type { AgentLink, Netkit, NetkitOptions, Timing } from "@netkit/engine";
import { builtInDrivers, findDriver } from "./drivers.ts";
import type { Globals } from "./globals.ts";
import { readSettings, type Settings } from "./settings.ts";

/** The engine, opened when a command first asks for it and closed with the session. */
export interface Session extends AsyncDisposable {
  open(): Promise<Netkit>;
}

export function session(globals: Globals, onTiming?: (timing: Timing) => void): Session {
  let opened: Promise<Netkit> | undefined;
  const open = async (): Promise<Netkit> => await openWith(await readSettings(globals), globals, onTiming);
  return {
    open: () => (opened ??= open()),
    async [Symbol.asyncDispose]() {
      // An engine that failed to open has been reported by who asked for it.
      const netkit = await opened?.catch(() => undefined);
      await netkit?.close();
    },
  };
}

/** Most commands change nothing, and load nothing of it. */
function lazyLink({ root }: Settings, globals: Globals): AgentLink {
  return {
    changed: async (change) => {
      const { linkTo } = await import("./agent-link.ts");
      await linkTo(resolve(root ?? defaultRoot), globals).changed(change);
    },
  };
}

async function openWith(settings: Settings, globals: Globals, onTiming?: (timing: Timing) => void): Promise<Netkit> {
  // The one large import; help, completion of words and errors do without.
  const { openNetkit } = await import("@netkit/engine");
  return await openNetkit({
    ...engineOptions(settings),
    ...(settings.agent ? { agent: lazyLink(settings, globals) } : {}),
    ...(onTiming === undefined ? {} : { onTiming }),
  });
}

/** What a library is opened with by these settings, whether in a command or in the agent. */
export function engineOptions(settings: Settings): Omit<NetkitOptions, "agent" | "onTiming"> {
  const { agent: _, drivers: __, folders: ___, ...given } = settings;
  return {
    ...given,
    loadDriver: (name) => findDriver(name, settings),
    // Those of the configuration are loaded when a network uses them: a broken one must not stop every command.
    loadable: builtInDrivers,
  };
}
