/**
 * netkit as Podman's network backend: netavark's command line and JSON in, calls of the engine out.
 *
 * @packageDocumentation
 */
export { answerNetavark, type NetavarkCall } from "./netavark.ts";
export type { Execute, Executed } from "./plugins.ts";
export { relay } from "./relayed.ts";
export type { Version } from "./version.ts";
