import { existsSync, readFileSync, realpathSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { didYouMean, NetkitError, type AnyDriver } from "@netkit/core";
import type { Settings } from "./settings.ts";

/** The drivers that come with netkit, each loaded when it is first used. */
const builtIn: Readonly<Record<string, () => Promise<AnyDriver>>> = {
  bridge: async () => (await import("@netkit/driver-bridge")).bridge(),
  routed: async () => (await import("@netkit/driver-routed")).routed(),
  host: async () => (await import("@netkit/driver-host")).host(),
  null: async () => (await import("@netkit/driver-none")).none(),
  ipvlan: async () => (await import("@netkit/driver-ipvlan")).ipvlan(),
  macvlan: async () => (await import("@netkit/driver-macvlan")).macvlan(),
  overlay: async () => (await import("@netkit/driver-overlay")).overlay(),
  flannel: async () => (await import("@netkit/driver-flannel")).flannel(),
  container: async () => (await import("@netkit/driver-container")).container(),
};

type DriverSettings = Pick<Settings, "drivers" | "folders">;

export const builtInDrivers: readonly string[] = Object.keys(builtIn);

/** Names for hints and completion, without loading anything: a package called netkit-driver-foo most likely has foo. */
export function driverNames(settings: Pick<Settings, "drivers">): string[] {
  const entries = settings.drivers.map((entry) => /netkit-driver-([a-z0-9-]+)$/.exec(entry)?.[1] ?? entry);
  return [...builtInDrivers, ...entries];
}

/**
 * The driver of that name: a built-in one, an entry of the configuration file, or the driver that one of those
 * entries exports under the name.
 * @throws NetkitError DRIVER_INVALID for an entry that can't be loaded, or has a built-in driver's name
 */
export async function loadDriver(name: string, settings: DriverSettings): Promise<AnyDriver | undefined> {
  const load = Object.hasOwn(builtIn, name) ? builtIn[name] : undefined;
  if (load !== undefined) return await load();
  if (settings.drivers.includes(name)) return await importConfigured(name, settings);
  // By convention a package is called after its driver; that one is tried first.
  const likely = (entry: string): number => Number(!entry.includes(`netkit-driver-${name}`));
  for (const entry of settings.drivers.toSorted((a, b) => likely(a) - likely(b))) {
    const driver = await importConfigured(entry, settings);
    if (driver.name === name) return driver;
  }
  return undefined;
}

async function importConfigured(entry: string, { folders }: DriverSettings): Promise<AnyDriver> {
  const driver = await importDriver(entry, folders);
  if (Object.hasOwn(builtIn, driver.name)) throw namesake(entry, driver.name);
  return driver;
}

/**
 * Looks through the configuration for a driver of a built-in one's name, which whoever asks for that may mean.
 * @throws NetkitError DRIVER_INVALID
 */
export async function refuseNamesake(name: string, settings: DriverSettings): Promise<void> {
  if (!Object.hasOwn(builtIn, name)) return;
  for (const entry of settings.drivers) {
    // What else is wrong with it is said to whoever uses it.
    const driver = await importDriver(entry, settings.folders).catch(() => undefined);
    if (driver?.name === name) throw namesake(entry, name);
  }
}

/** Networks keep their driver's name alone: by that of a built-in one, that would be found. */
function namesake(entry: string, name: string): NetkitError {
  return invalid(
    entry,
    `calls itself '${name}', as a driver of netkit's does`,
    "Give it a name of its own, or take the entry out of the configuration.",
  );
}

/** As {@link loadDriver}. @throws NetkitError DRIVER_UNKNOWN with the nearest name */
export async function findDriver(name: string, settings: DriverSettings): Promise<AnyDriver> {
  const driver = await loadDriver(name, settings);
  if (driver !== undefined) return driver;
  const names = driverNames(settings);
  throw new NetkitError("DRIVER_UNKNOWN", `unknown network driver '${name}'`, {
    hint:
      name === "none"
        ? "The network 'none' is there from the start: --network none"
        : didYouMean(name, names, `Networks can be made with: ${names.filter(makesNetworks).join(", ")}.`),
    details: { driver: name, known: names },
  });
}

/** Of the built-in drivers some have but the network that is there from the start, or none. */
function makesNetworks(name: string): boolean {
  return !["host", "null", "container"].includes(name);
}

/** The driver that a package or module exports as `driver`, made by it if that is a function. */
export async function importDriver(entry: string, folders: readonly string[]): Promise<AnyDriver> {
  const path = locate(entry, folders);
  if (path === undefined) {
    throw invalid(
      entry,
      `isn't installed in ${folders.join(" or ")}`,
      "Install the package there, or correct its name.",
    );
  }
  let exported: unknown;
  try {
    const module = (await import(pathToFileURL(path).href)) as { driver?: unknown };
    exported = typeof module.driver === "function" ? (module.driver as () => unknown)() : module.driver;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalid(entry, `can't be loaded: ${why}`, remedy(cause, path), cause);
  }
  if (typeof exported !== "object" || exported === null) {
    throw invalid(
      entry,
      "doesn't export a driver",
      "It must export 'driver': a Driver, or a function that returns one.",
    );
  }
  const missing = parts.filter((part) => !(part in exported));
  if (missing.length > 0) {
    throw invalid(
      entry,
      `exports a driver without ${missing.join(", ")}`,
      `A driver has ${parts.join(", ")}; types and documentation are those of Driver in @netkit/core.`,
    );
  }
  return exported as AnyDriver;
}

/** A package that the driver imports is Node's to find, and isn't netkit's own copy. */
function remedy(cause: unknown, path: string): string {
  if (cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND") {
    const folder = dirname(realpathSync(path));
    return `Node looks for what it imports in node_modules of ${folder} and the folders above: install it there.`;
  }
  return `Mend ${path}, or take the entry out of the configuration.`;
}

/** The URL of the module of a driver package, or of a path. @throws NetkitError DRIVER_INVALID */
export function driverUrl(entry: string, folders: readonly string[]): string {
  const path = locate(entry, folders);
  if (path !== undefined) return pathToFileURL(path).href;
  throw invalid(entry, `isn't installed in ${folders.join(" or ")}`, "Install the package there, or correct its name.");
}

/** What every driver has; the engine checks the contract itself. */
const parts = [
  "api",
  "name",
  "summary",
  "scope",
  "traits",
  "options",
  "endpointOptions",
  "network",
  "endpoint",
] as const satisfies readonly (keyof AnyDriver)[];

/** The module file of a package or path, or undefined. */
function locate(entry: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    if (isAbsolute(entry) || /^\.\.?(\/|$)/.test(entry)) {
      const path = resolve(folder, entry);
      if (!existsSync(path)) continue;
      const manifest = readManifest(join(path, "package.json"));
      return manifest === undefined ? path : join(path, entryPoint(manifest));
    }
    const manifestPath = findInstalled(entry, folder);
    const manifest = manifestPath === undefined ? undefined : readManifest(manifestPath);
    if (manifestPath !== undefined && manifest !== undefined) return join(dirname(manifestPath), entryPoint(manifest));
  }
  return undefined;
}

function findInstalled(name: string, folder: string): string | undefined {
  try {
    return findPackageJSON(name, pathToFileURL(join(folder, "netkit.json")));
  } catch {
    return undefined;
  }
}

interface Manifest {
  readonly exports?: unknown;
  readonly main?: string;
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}

/** What `import` of the package's name would load. Node resolves only from the importing module, which is netkit's. */
function entryPoint({ exports, main }: Manifest): string {
  return target(exports) ?? main ?? "index.js";
}

function target(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports;
  if (typeof exports !== "object" || exports === null) return undefined;
  if ("." in exports) return target(exports["."]);
  for (const [condition, value] of Object.entries(exports)) {
    const found = ["node", "import", "module-sync", "default"].includes(condition) ? target(value) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function invalid(entry: string, why: string, hint: string, cause?: unknown): NetkitError {
  return new NetkitError("DRIVER_INVALID", `the driver package '${entry}' ${why}`, {
    hint,
    details: { driver: entry },
    ...(cause === undefined ? {} : { cause }),
  });
}
