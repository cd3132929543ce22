/**
 * netkit as a CNI plugin: the protocol in, calls of the engine out.
 *
 * @packageDocumentation
 */
export { answer, type PluginAnswer, type PluginCall } from "./plugin.ts";
export { variableNames, type Variables } from "./environment.ts";
export { answerRelayed } from "./relayed.ts";
export { supportedVersions, type CniVersion } from "./version.ts";
