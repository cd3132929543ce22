import type { Netkit } from "@netkit/engine";
import { identityOf } from "@netkit/runtime";
import { findContainer, findInterface } from "./attachment.ts";
import { cniCodes, CniError, toCniError } from "./cni-error.ts";
import type { Configuration } from "./configuration.ts";
import type { Environment } from "./environment.ts";
import { parseResult } from "./result.ts";
import { NetkitError } from "@netkit/core";

/**
 * Compares an interface with the kernel. What plugins after this one may have changed is no matter: the interface's MAC, its
 * MTU, sysctls and rules of their own.
 * @throws CniError
 */
export async function check(netkit: Netkit, environment: Environment, configuration: Configuration): Promise<void> {
  const { containerId, ifName, netns } = environment;
  const { name, prevResult, cniVersion } = configuration;
  if (prevResult === undefined) {
    throw new CniError(
      cniCodes.invalidConfiguration,
      "required prevResult missing",
      "CHECK is given the result of ADD.",
    );
  }
  const { interfaces } = parseResult(prevResult, cniVersion);
  if (!interfaces.some((each) => each.name === ifName && (each.sandbox ?? "") !== "")) {
    throw new CniError(cniCodes.invalidConfiguration, `prevResult has no interface '${ifName}' in a sandbox`);
  }
  const sandbox = await findContainer(netkit, containerId);
  const endpoint = sandbox === undefined ? undefined : findInterface(sandbox, name, ifName);
  if (sandbox === undefined || endpoint === undefined) {
    throw new CniError(
      cniCodes.unknownContainer,
      `container '${containerId}' has no interface '${ifName}' on network '${name}'`,
      "A runtime calls ADD first.",
    );
  }
  if (identityOf(netns) === undefined || identityOf(netns) !== identityOf(sandbox.netns)) {
    throw new CniError(
      cniCodes.invalidNamespace,
      `${netns} is not the namespace of container '${containerId}'`,
      `It was attached in ${sandbox.netns}.`,
    );
  }
  const found = (await netkit.examine(endpoint.id)).filter(
    ({ resource, problem }) => !(resource?.kind === "sysctl" && problem === "different"),
  );
  const [first, ...others] = found;
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  throw toCniError(
    new NetkitError("DRIFT", `${first.message}${more}`, {
      hint: "'netkit doctor' lists everything that differs, 'netkit doctor --repair' mends it.",
    }),
  );
}
