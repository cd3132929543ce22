/**
 * What the runtimes of containers that call a plugin for each one have in common: the container's namespace is theirs.
 *
 * @packageDocumentation
 */
export { usableNames } from "./aliases.ts";
export {
  detach,
  findContainer,
  madeInterface,
  refuseOtherNamespace,
  refuseSecond,
  refuseWithoutInterfaces,
} from "./containers.ts";
export { forAll } from "./for-all.ts";
export { identityOf } from "./namespace.ts";
export { findNetwork, removeUnused } from "./networks.ts";
export { portSpecs, unpublished, type PortMapping } from "./ports.ts";
export { formatAnswer, parseCall, type Answer, type Relay, type RelayedCall } from "./relayed-call.ts";
export { Turns } from "./turns.ts";
