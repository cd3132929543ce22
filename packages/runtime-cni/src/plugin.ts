import type { Netkit } from "@netkit/engine";
import { add } from "./add.ts";
import { detach, findContainer, findInterface } from "./attachment.ts";
import { check } from "./check.ts";
import { cniCodes, CniError, toCniError } from "./cni-error.ts";
import { parseConfiguration, peekVersion, type Configuration } from "./configuration.ts";
import { parseEnvironment, type Environment, type Variables, type Verb } from "./environment.ts";
import { collect } from "./gc.ts";
import { formatResult } from "./result.ts";
import { status } from "./status.ts";
import { isAtLeast, newestVersion, supportedVersions, type CniVersion } from "./version.ts";

/** What a runtime starts a plugin with. */
export interface PluginCall {
  readonly variables: Variables;
  /** What came on stdin. */
  readonly input: string;
}

/** What the plugin prints, and its exit status. */
export interface PluginAnswer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr?: string;
}

/** A verb that the specification has since a later version. */
const since: Partial<Record<Verb, CniVersion>> = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/**
 * Answers one call of the plugin `netkit`. It doesn't throw: what goes wrong is an answer.
 * @param open opens the instance; called when the call needs it
 */
export async function answer({ variables, input }: PluginCall, open: () => Promise<Netkit>): Promise<PluginAnswer> {
  if ((variables["CNI_COMMAND"] ?? "") === "") return about;
  try {
    const environment = parseEnvironment(variables);
    if (environment.verb === "VERSION") return print({ cniVersion: newestVersion, supportedVersions });
    const configuration = parseConfiguration(input);
    refuseEarly(environment, configuration);
    const result = await carryOut(environment, configuration, open);
    return result === undefined ? { status: 0, stdout: "" } : print(result);
  } catch (error) {
    return refuse(toCniError(error), peekVersion(input) ?? newestVersion);
  }
}

const about: PluginAnswer = {
  status: 0,
  stdout: "",
  stderr: `netkit: connects containers to netkit's networks\nCNI protocol versions supported: ${supportedVersions.join(", ")}\n`,
};

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
  environment: Environment,
  configuration: Configuration,
  open: () => Promise<Netkit>,
): Promise<Record<string, unknown> | undefined> {
  switch (environment.verb) {
    case "ADD":
      return formatResult(await add(await open(), environment, configuration), configuration.cniVersion);
    case "DEL": {
      const netkit = await open();
      const sandbox = await findContainer(netkit, environment.containerId);
      const endpoint = sandbox && findInterface(sandbox, configuration.name, environment.ifName);
      if (sandbox !== undefined && endpoint !== undefined) await detach(netkit, sandbox, endpoint);
      return undefined;
    }
    case "CHECK":
      await check(await open(), environment, configuration);
      return undefined;
    case "GC":
      await collect(await open(), configuration);
      return undefined;
    case "STATUS":
      await status(open, configuration);
      return undefined;
    case "VERSION":
      return undefined;
  }
}

function print(data: unknown): PluginAnswer {
  return { status: 0, stdout: `${JSON.stringify(data, undefined, 2)}\n` };
}

function refuse({ code, message, details }: CniError, cniVersion: string): PluginAnswer {
  const error = { cniVersion, code, msg: message, ...(details === "" ? {} : { details }) };
  return { status: 1, stdout: `${JSON.stringify(error, undefined, 2)}\n` };
}
