import { shortId } from "./ids.ts";
import type { Network } from "./model.ts";

/** Whether an endpoint is another engine's: one that takes its interface, or whose namespace it is in, and that removes it. */
export function isAnotherEngines(endpoint: {
  readonly handedOver?: boolean;
  readonly leavesDefaultRoute?: boolean;
}): boolean {
  return endpoint.handedOver === true || endpoint.leavesDefaultRoute === true;
}

const dockersLabel = "com.docker.network.id";

/** Says of a network which one of Docker's it is: its id there, and here. */
export function dockersLabels(id: string): Readonly<Record<string, string>> {
  return { [dockersLabel]: id };
}

/** Whether Docker has made the network, and goes on listing it when it is gone. */
export function isDockers({ id, labels }: Pick<Network, "id" | "labels">): boolean {
  return labels[dockersLabel] === id;
}

/** The command that takes a container off a network, by each of the ids that it has in Docker. */
export function disconnectInDocker(joins: readonly { readonly id: string }[], container: string): string {
  const names = joins.length === 0 ? ["NETWORK"] : joins.map(({ id }) => shortId(id));
  return names.map((name) => `docker network disconnect ${name} ${container}`).join(", or ");
}
