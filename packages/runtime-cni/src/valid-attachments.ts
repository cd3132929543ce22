import { cniCodes, CniError } from "./cni-error.ts";
import type { Configuration } from "./configuration.ts";
import { listLabel } from "./labels.ts";

/**
 * What a GC is to remove: what the list of plugins has attached, by its label, and the runtime doesn't know any more.
 * @throws CniError 7: it doesn't say what it knows
 */
export function staleness(
  configuration: Configuration,
): (labels: Readonly<Record<string, string>> | undefined, containerId: string, ifName: string) => boolean {
  const valid = configuration["cni.dev/valid-attachments"] ?? configuration["cni.dev/attachments"];
  if (valid === undefined) {
    throw new CniError(
      cniCodes.invalidConfiguration,
      "required cni.dev/valid-attachments missing",
      "A GC is told which attachments there are; an empty list has it remove all of this network's.",
    );
  }
  const known = new Set(valid.map(({ containerID, ifname }) => `${containerID} ${ifname}`));
  return (labels, containerId, ifName) =>
    labels?.[listLabel] === configuration.name && !known.has(`${containerId} ${ifName}`);
}
