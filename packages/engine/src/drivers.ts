import { didYouMean, driverApi, isNetkitError, NetkitError, type AnyDriver, type Network } from "@netkit/core";
import type { NetkitOptions } from "./api.ts";

/** The drivers of an instance by name; those that aren't at hand are loaded when they are asked for. */
export class Drivers {
  readonly #loaded = new Map<string, AnyDriver>();
  readonly #load: NetkitOptions["loadDriver"];
  readonly #loadable: readonly string[];

  constructor({ drivers = [], loadDriver, loadable = [] }: Pick<NetkitOptions, "drivers" | "loadDriver" | "loadable">) {
    for (const driver of drivers) this.#loaded.set(driver.name, checked(driver));
    this.#load = loadDriver;
    this.#loadable = loadable;
  }

  get names(): string[] {
    return [...new Set([...this.#loaded.keys(), ...this.#loadable])].toSorted();
  }

  /** @throws NetkitError DRIVER_UNKNOWN with the nearest name, DRIVER_API, DRIVER_INVALID */
  async get(name: string): Promise<AnyDriver> {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const loaded = await this.#load?.(name);
    if (loaded === undefined) {
      const names = this.names;
      throw new NetkitError("DRIVER_UNKNOWN", `unknown network driver '${name}'`, {
        hint: didYouMean(
          name,
          names,
          names.length === 0 ? "No drivers are registered." : `Known drivers: ${names.join(", ")}.`,
        ),
        details: { driver: name, known: names },
      });
    }
    this.#loaded.set(loaded.name, checked(loaded));
    if (loaded.name !== name) this.#loaded.set(name, loaded);
    return loaded;
  }

  /** That of a network. @throws NetkitError as {@link get}; DRIVER_UNKNOWN names the network */
  async of({ name, driver }: Pick<Network, "name" | "driver">): Promise<AnyDriver> {
    try {
      return await this.get(driver);
    } catch (cause) {
      if (!isNetkitError(cause) || cause.code !== "DRIVER_UNKNOWN") throw cause;
      throw new NetkitError("DRIVER_UNKNOWN", `network '${name}' needs driver '${driver}', which isn't there`, {
        hint: `List its package in the configuration file ("drivers"); without it the network can still be removed.`,
        details: { network: name, driver },
        cause,
      });
    }
  }

  /** The driver, or undefined if it can't be loaded: that must not stand in the way of what can be done without it. */
  async find(name: string): Promise<AnyDriver | undefined> {
    try {
      return await this.get(name);
    } catch {
      return undefined;
    }
  }
}

function checked(driver: AnyDriver): AnyDriver {
  const name = typeof driver === "object" && driver !== null ? driver.name : String(driver);
  if (
    typeof driver !== "object" ||
    driver === null ||
    typeof driver.network !== "function" ||
    typeof driver.endpoint !== "function"
  ) {
    throw new NetkitError("DRIVER_INVALID", `${JSON.stringify(name)} is not a network driver`, {
      hint: "A driver is an object with api, name, traits, options, network() and endpoint().",
    });
  }
  if (driver.api !== driverApi) {
    throw new NetkitError(
      "DRIVER_API",
      `driver '${name}' speaks version ${String(driver.api)} of the driver contract, this netkit version ${driverApi}`,
      {
        hint: driver.api > driverApi ? "Update netkit." : `Update the driver '${name}'.`,
        details: { driver: name, api: driver.api, wanted: driverApi },
      },
    );
  }
  return driver;
}
