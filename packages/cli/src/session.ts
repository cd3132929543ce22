import type { Netkit, Timing } from "@netkit/engine";
import { builtInDrivers, findDriver } from "./drivers.ts";
import type { Globals } from "./globals.ts";
import { readSettings, type Settings } from "./settings.ts";

/** The engine, opened when a command first asks for it and closed with the session. */
export interface Session extends AsyncDisposable {
  open(): Promise<Netkit>;
}

export function session(globals: Globals, onTiming?: (timing: Timing) => void): Session {
  let opened: Promise<Netkit> | undefined;
  const open = async (): Promise<Netkit> => await openWith(await readSettings(globals), onTiming);
  return {
    open: () => (opened ??= open()),
    async [Symbol.asyncDispose]() {
      // An engine that failed to open has been reported by who asked for it.
      const netkit = await opened?.catch(() => undefined);
      await netkit?.close();
    },
  };
}

async function openWith(settings: Settings, onTiming?: (timing: Timing) => void): Promise<Netkit> {
  // The one large import; help, completion of words and errors do without.
  const { openNetkit } = await import("@netkit/engine");
  const { drivers: _, folders: __, ...given } = settings;
  return await openNetkit({
    ...given,
    loadDriver: (name) => findDriver(name, settings),
    // Those of the configuration are loaded when a network uses them: a broken one must not stop every command.
    loadable: builtInDrivers,
    ...(onTiming === undefined ? {} : { onTiming }),
  });
}
