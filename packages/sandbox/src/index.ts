/**
 * Processes in network sandboxes: start one in a namespace, with the sandbox's own /etc files, hostname and /sys; pass
 * a terminal and signals through; tell whether a process still runs and which namespace is which.
 *
 * @packageDocumentation
 */
export * from "./files.ts";
export { Exits } from "./exits.ts";
export * from "./foreground.ts";
export * from "./host-resolv.ts";
export {
  findNamespace,
  identifyNamespace,
  locateNamespace,
  namespaceOfPid,
  processesByNamespace,
  processesIn,
  sameNamespace,
  type NamespaceIdentity,
  type ProcessesByNamespace,
} from "./namespaces.ts";
export {
  bootId,
  isAlive,
  processStartTime,
  signalProcess,
  stop,
  waitForExit,
  type ProcessIdentity,
  type WaitOptions,
} from "./process.ts";
export { checkStart, spawnInSandbox, type ExitStatus, type SandboxChild, type SpawnOptions } from "./spawn.ts";
