import type { Netkit } from "@netkit/engine";
import type { Answer } from "@netkit/runtime";
import { cniCodes, CniError, toCniError } from "./cni-error.ts";
import { parseConfiguration, peekVersion, type Configuration } from "./configuration.ts";
import { parseEnvironment, type Environment, type Variables } from "./environment.ts";
import type { Verb } from "./names.ts";
import { formatResult, type Result } from "./result.ts";
import { isAtLeast, newestVersion, supportedVersions, type CniVersion } from "./version.ts";

type Open = () => Promise<Netkit>;

/** What a plugin does for each verb. What it throws is told as an error of CNI. */
export interface Plugin {
  /** One line. */
  readonly about: string;
  add(netkit: Netkit, environment: Environment, configuration: Configuration): Promise<Result>;
  del(netkit: Netkit, environment: Environment, configuration: Configuration): Promise<void>;
  check(netkit: Netkit, environment: Environment, configuration: Configuration): Promise<void>;
  gc(netkit: Netkit, configuration: Configuration): Promise<void>;
  status(open: Open, configuration: Configuration): Promise<void>;
}

/** What a runtime starts a plugin with. */
export interface PluginCall {
  readonly variables: Variables;
  /** What came on stdin. */
  readonly input: string;
}

/** A verb that the specification has since a later version. */
const since: Partial<Record<Verb, CniVersion>> = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/**
 * Answers one call. It doesn't throw: what goes wrong is an answer.
 * @param open opens the instance; called when the call needs it
 */
export async function answer(plugin: Plugin, { variables, input }: PluginCall, open: Open): Promise<Answer> {
  if ((variables["CNI_COMMAND"] ?? "") === "") {
    const versions = supportedVersions.join(", ");
    return { status: 0, stdout: "", stderr: `${plugin.about}\nCNI protocol versions supported: ${versions}\n` };
  }
  try {
    const environment = parseEnvironment(variables);
    if (environment.verb === "VERSION") return print({ cniVersion: newestVersion, supportedVersions });
    const configuration = parseConfiguration(input);
    refuseEarly(environment, configuration);
    const result = await carryOut(plugin, environment, configuration, open);
    return result === undefined ? { status: 0, stdout: "" } : print(result);
  } catch (error) {
    return refuse(toCniError(error), peekVersion(input) ?? newestVersion);
  }
}

/** @throws CniError 1 */
function refuseEarly({ verb }: Environment, { cniVersion }: Configuration): void {
  const first = since[verb];
  if (first === undefined || isAtLeast(cniVersion, first)) return;
  throw new CniError(
    cniCodes.incompatibleVersion,
    `config version does not allow ${verb}`,
    `It takes ${first} or later.`,
  );
}

async function carryOut(
  plugin: Plugin,
  environment: Environment,
  configuration: Configuration,
  open: Open,
): Promise<Record<string, unknown> | undefined> {
  switch (environment.verb) {
    case "ADD":
      return formatResult(await plugin.add(await open(), environment, configuration), configuration.cniVersion);
    case "DEL":
      await plugin.del(await open(), environment, configuration);
      return undefined;
    case "CHECK":
      await plugin.check(await open(), environment, configuration);
      return undefined;
    case "GC":
      await plugin.gc(await open(), configuration);
      return undefined;
    case "STATUS":
      await plugin.status(open, configuration);
      return undefined;
    case "VERSION":
      return undefined;
  }
}

function print(data: unknown): Answer {
  return { status: 0, stdout: `${JSON.stringify(data, undefined, 2)}\n` };
}

function refuse({ code, message, details }: CniError, cniVersion: string): Answer {
  const error = { cniVersion, code, msg: message, ...(details === "" ? {} : { details }) };
  return { status: 1, stdout: `${JSON.stringify(error, undefined, 2)}\n` };
}
