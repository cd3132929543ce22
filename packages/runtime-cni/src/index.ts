/**
 * netkit as CNI plugins: the protocol in, calls of the engine out.
 *
 * @packageDocumentation
 */
export { answerPlugin } from "./plugins.ts";
export type { PluginCall } from "./plugin.ts";
export type { Variables } from "./environment.ts";
export { pluginTypes, variableNames, type PluginType } from "./names.ts";
export { attachedContainers } from "./attachment.ts";
export { relay } from "./relayed.ts";
export { supportedVersions, type CniVersion } from "./version.ts";
