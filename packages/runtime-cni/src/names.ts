/**
 * What the protocol and netkit's part in it are called, without all that answers it.
 *
 * @packageDocumentation
 */

export const verbs = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] as const;
export type Verb = (typeof verbs)[number];

/** The plugins by the names of their executables. */
export const pluginTypes = ["netkit", "netkit-ipam"] as const;

export type PluginType = (typeof pluginTypes)[number];

/** Which variables a verb can't do without, in the order of the specification's Go library. */
export const requiredVariables: Readonly<Record<string, readonly Verb[]>> = {
  CNI_CONTAINERID: ["ADD", "CHECK", "DEL"],
  CNI_NETNS: ["ADD", "CHECK"],
  CNI_IFNAME: ["ADD", "CHECK", "DEL"],
  CNI_PATH: ["ADD", "CHECK", "DEL", "GC", "STATUS"],
};

/** The variables that are read. */
export const variableNames: readonly string[] = [
  "CNI_COMMAND",
  ...Object.keys(requiredVariables),
  "CNI_ARGS",
  "CNI_NETNS_OVERRIDE",
];
