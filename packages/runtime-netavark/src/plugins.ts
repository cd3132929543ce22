import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { networkSchema, type Attachment, type NetworkOptions, type PodmanNetwork } from "./network-options.ts";
import { failureText, refusal } from "./refusal.ts";

/** How an executable has ended, and what it has printed. */
export interface Executed {
  /** The exit status, or the name of the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
}

/** Runs an executable of somebody else's; what it says on stderr is the caller's. */
export type Execute = (path: string, args: readonly string[], input: string) => Promise<Executed>;

/** Where plugins are, and who runs them; without `execute` there are none. */
export interface PluginPlace {
  readonly folders: readonly string[];
  readonly execute?: Execute | undefined;
}

const drivers: ReadonlySet<string> = new Set(["bridge", "macvlan", "ipvlan"]);

/** Whether a network is no matter of netkit's, but of the executable that its driver is called as. */
export function isPlugins({ driver }: PodmanNetwork): boolean {
  return !drivers.has(driver);
}

const failure = z.object({ error: z.string() });
const status = z.looseObject({ interfaces: z.record(z.string(), z.unknown()).nullish() });

/**
 * What the plugin of a network does (netavark's plugin API 1.0.0): an executable that is called with a verb and JSON on stdin.
 * What it says is errors in netavark's words.
 */
export class Plugin {
  readonly #name: string;
  readonly #network: PodmanNetwork;
  readonly #path: string;
  readonly #execute: Execute;

  /** @throws NetkitError where there is none */
  constructor(network: PodmanNetwork, { folders, execute }: PluginPlace) {
    const { name, driver } = network;
    const path = driver.includes("/") ? undefined : folders.map((folder) => join(folder, driver)).find(isExecutable);
    if (path === undefined || execute === undefined) {
      const places = folders.length === 0 ? "a folder of Podman's netavark_plugin_dirs" : folders.join(" or ");
      throw refusal(
        `unknown network driver "${driver}"`,
        `The network '${name}' needs a plugin: an executable of that name in ${places}.`,
      );
    }
    this.#name = driver;
    this.#network = network;
    this.#path = path;
    this.#execute = execute;
  }

  /** The network as it will be. @throws NetkitError */
  async create(): Promise<PodmanNetwork> {
    const network = this.#parse(networkSchema, await this.#run(["create"], this.#network), "network");
    for (const [key, word] of Object.entries({ name: "name", id: "ID", driver: "driver" } as const))
      if (network[key as "name"] !== this.#network[key as "name"])
        throw refusal(`${this.#name} plugin invalid result: changed network ${word}`);
    return network;
  }

  /** What Podman is told. Where the plugin prints none of that, what it has done is taken back. @throws NetkitError */
  async setup(netns: string, options: NetworkOptions, attachment: Attachment): Promise<unknown> {
    const text = await this.#run(["setup", netns], this.#input(options, attachment));
    try {
      return this.#parse(status, text, "status");
    } catch (error) {
      await this.teardown(netns, options, attachment);
      throw error;
    }
  }

  /** @param netns may be gone @throws NetkitError */
  async teardown(netns: string, options: NetworkOptions, attachment: Attachment): Promise<void> {
    await this.#run(["teardown", netns], this.#input(options, attachment));
  }

  #input(options: NetworkOptions, attachment: Attachment): object {
    const { container_id: id, container_name: name = "", port_mappings: ports } = options;
    return {
      container_id: id,
      container_name: name,
      port_mappings: ports,
      network: this.#network,
      network_options: attachment,
    };
  }

  async #run(args: readonly string[], input: object): Promise<string> {
    let ended: Executed;
    try {
      ended = await this.#execute(this.#path, args, JSON.stringify(input));
    } catch (cause) {
      throw this.#failed(`on network '${this.#network.name}': ${failureText(cause)}`);
    }
    if (ended.status === 0) return ended.stdout;
    if (typeof ended.status === "string") throw this.#failed(`on network '${this.#network.name}': ${ended.status}`);
    const said = failure.safeParse(jsonOf(ended.stdout));
    const what = said.success
      ? `, message: ${said.data.error}`
      : ` on network '${this.#network.name}', without a message`;
    throw this.#failed(`exit code ${ended.status}${what}`);
  }

  #parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
    const result = schema.safeParse(jsonOf(text));
    if (result.success) return result.data;
    throw this.#failed(
      `it printed no ${what} of network '${this.#network.name}': ${JSON.stringify(text.slice(0, 200))}`,
    );
  }

  #failed(why: string): Error {
    return refusal(`plugin ${JSON.stringify(this.#name)} failed: ${why}`);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Undefined: it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
