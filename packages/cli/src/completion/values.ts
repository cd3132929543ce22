import { commonEndpointOptions, commonNetworkOptions, formatPortSpec, type OptionSet } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { nextWords } from "../catalog.ts";
import type { Command, Completion } from "../command.ts";
import { builtInDrivers, driverNames, findDriver } from "../drivers.ts";
import type { Globals } from "../globals.ts";
import { guestCandidates } from "../guests.ts";
import type { Parsed } from "../parse.ts";
import { listPods, podState } from "../pods.ts";
import { session } from "../session.ts";
import { readSettings } from "../settings.ts";
import { pathCandidate, type Candidate } from "./candidate.ts";
import { addresses, links } from "./links.ts";

/** The command that is being completed, with what it was given so far. */
export interface Surroundings {
  readonly command: Command;
  readonly parsed: Parsed;
}

/** What a value can be. Names come from the state, options from the driver's schema. */
export async function valuesFor(
  what: Completion | undefined,
  partial: string,
  around: Surroundings | undefined,
): Promise<readonly Candidate[]> {
  if (what === undefined) return [];
  if (typeof what !== "string") return what.map((word) => ({ word }));
  const globals = (around?.parsed.options ?? {}) as unknown as Globals;
  switch (what) {
    case "path":
      return [pathCandidate];
    case "command":
      return [...nextWords(around?.parsed.arguments["COMMAND"]?.at(-1) ?? "").keys()].map((word) => ({ word }));
    case "link-or-address":
      return [...links(), ...addresses()];
    case "driver":
      return driverNames(await readSettings(globals)).map((word) => ({ word }));
    case "network":
      return await networkNames(globals, partial, around?.command.name ?? "");
    case "global-network":
      return await withState(globals, async (netkit) => {
        const networks = (await netkit.networks.list()).filter(({ scope }) => scope === "global");
        return networks.map(({ name, driver }) => ({ word: name, summary: driver }));
      });
    case "sandbox":
      return await withState(globals, async (netkit) => await sandboxNames(netkit, ""));
    case "member": {
      const guests = await guestCandidates(partial);
      return [...(await withState(globals, async (netkit) => await sandboxNames(netkit, ""))), ...guests];
    }
    case "published-port":
      return await withState(globals, async (netkit) => {
        const sandbox = await netkit.sandboxes.get(String(around?.parsed.arguments["SANDBOX"]));
        const { endpoints } = await sandbox.inspect();
        return endpoints.flatMap(({ ports, networkName }) =>
          ports.map((port) => ({ word: formatPortSpec({ ...port, from: [] }), summary: networkName })),
        );
      });
    case "pod":
      return await withState(globals, async (netkit) =>
        (await listPods(netkit)).map((pod) => ({ word: pod.name, summary: podState(pod) })),
      );
    case "network-option": {
      const driver = String(around?.parsed.options["driver"] ?? builtInDrivers[0]);
      const { options } = await findDriver(driver, await readSettings(globals));
      return optionValues({ ...options, ...commonNetworkOptions }, partial);
    }
    case "endpoint-option":
      return await withState(globals, async (netkit) => {
        const network = around?.parsed.arguments["NETWORK"] ?? around?.parsed.options["network"];
        const ref = Array.isArray(network) ? network[0] : network;
        const { driver } = await netkit.networks.get(String(ref ?? "bridge"));
        const { endpointOptions } = await netkit.driver(driver);
        return optionValues({ ...endpointOptions, ...commonEndpointOptions }, partial);
      });
  }
}

async function networkNames(globals: Globals, partial: string, command: string): Promise<readonly Candidate[]> {
  const joins = command === "run";
  return await withState(globals, async (netkit) => {
    if (joins && partial.startsWith("container:")) return await sandboxNames(netkit, "container:");
    const networks = (await netkit.networks.list()).filter(({ predefined }) => command !== "network rm" || !predefined);
    const found = networks.map(({ name, driver }) => ({ word: name, summary: driver }));
    return joins ? [...found, { word: "container:", summary: "the namespace of a sandbox" }] : found;
  });
}

async function sandboxNames(netkit: Netkit, prefix: string): Promise<Candidate[]> {
  const sandboxes = await netkit.sandboxes.list();
  return sandboxes.map(({ name, state }) => ({ word: prefix + name, summary: state }));
}

/** `key=`, and after it the words of a choice, or the host's links. */
function optionValues(options: OptionSet, partial: string): Candidate[] {
  const [key = ""] = partial.split("=");
  const option = partial.includes("=") && Object.hasOwn(options, key) ? options[key] : undefined;
  if (option?.value.startsWith("LINK") === true)
    return links().map((link) => ({ ...link, word: `${key}=${link.word}` }));
  if (option !== undefined) {
    return option.value.includes("|") ? option.value.split("|").map((word) => ({ word: `${key}=${word}` })) : [];
  }
  return Object.entries(options).map(([name, { summary }]) => ({ word: `${name}=`, summary }));
}

/** Asks the engine; where there is no state yet, none is made. */
async function withState(
  globals: Globals,
  ask: (netkit: Netkit) => Promise<readonly Candidate[]>,
): Promise<readonly Candidate[]> {
  await using netkit = session(globals);
  return await ask(await netkit.open(true));
}
