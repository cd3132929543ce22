/**
 * netkit as CNI plugins: the protocol in, calls of the engine out.
 *
 * @packageDocumentation
 */
export { answerPlugin, pluginTypes, type PluginType } from "./plugins.ts";
export type { PluginCall } from "./plugin.ts";
export { variableNames, type Variables } from "./environment.ts";
export { attachedContainers } from "./attachment.ts";
export { relay } from "./relayed.ts";
export { supportedVersions, type CniVersion } from "./version.ts";
