import {
  engineOf,
  NetkitError,
  type AnyDriver,
  type Endpoint,
  type Namespace,
  type Network,
  type Sandbox,
} from "@netkit/core";
import type { Attached } from "./default-route.ts";
import type { Draft } from "./draft.ts";
import { knownThere } from "./network-joins.ts";
import { endpointsOfNamespace, findNetwork, namespaceOf, networkOf, sandboxOf } from "./lookup.ts";
import type { Context } from "./operation.ts";

/** The namespace that a sandbox may attach something to: a joined one leaves that to the first member. */
export async function ownNamespace(draft: Draft, sandbox: Sandbox, what: string): Promise<Namespace> {
  const namespace = await namespaceOf(draft, sandbox.namespace);
  draft.namespaces.set(namespace.id, namespace.path);
  const holder = namespace.members[0];
  if (holder !== undefined && holder !== sandbox.id) {
    const { name } = await sandboxOf(draft, holder);
    throw new NetkitError(
      "UNSUPPORTED",
      `sandbox '${sandbox.name}' shares the network of '${name}' and can't ${what} itself`,
      {
        hint: `Do it with '${name}'; both see it.`,
        details: { sandbox: sandbox.name, holder: name },
      },
    );
  }
  return namespace;
}

/** The endpoints of a namespace with their networks, in the order in which they were made. */
export async function attachedTo(draft: Draft, namespace: Namespace): Promise<Attached[]> {
  const endpoints = await endpointsOfNamespace(draft, namespace.id);
  return await Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, network: await networkOf(draft, endpoint.network) })),
  );
}

/** @param isAsked by a plugin's runtime, which has no command that disconnects a container */
export async function refuseMixture(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  namespace: Namespace,
  network: Network,
  driver: AnyDriver,
  others: readonly Attached[],
  isAsked: boolean,
): Promise<void> {
  const present = others.find((other) => other.network.id === network.id);
  if (present !== undefined) {
    throw new NetkitError(
      "ENDPOINT_EXISTS",
      `sandbox '${sandbox.name}' is already connected to network '${network.name}'`,
      {
        hint: isAsked
          ? "A container has at most one interface on each network: leave this one out."
          : `Disconnect it first: ${await disconnection(draft, sandbox, present)}`,
      },
    );
  }
  if ((driver.traits.namespace === "host") !== (namespace.owner === "host")) {
    const where = namespace.owner === "host" ? "lives in the host's namespace" : "has a namespace of its own";
    throw new NetkitError(
      "UNSUPPORTED",
      `sandbox '${sandbox.name}' ${where} and can't be connected to network '${network.name}'`,
      {
        hint: "Make a new sandbox on that network.",
      },
    );
  }
  for (const other of others) {
    const { network: present } = other;
    const alone = driver.traits.exclusive
      ? network
      : (await context.drivers.find(present.driver))?.traits.exclusive === true
        ? present
        : undefined;
    if (alone === undefined) continue;
    throw new NetkitError(
      "UNSUPPORTED",
      `sandbox '${sandbox.name}' is on network '${present.name}', and '${alone.name}' goes with no other one`,
      {
        hint: `Disconnect it first: ${await disconnection(draft, sandbox, other)}`,
      },
    );
  }
}

/** The command that takes a sandbox off a network, in whose words it was put there. */
async function disconnection(draft: Draft, sandbox: Sandbox, { endpoint, network }: Attached): Promise<string> {
  const engine = engineOf(sandbox, endpoint);
  if (engine === undefined) return `netkit network disconnect ${network.name} ${sandbox.name}`;
  return engine.disconnect(engine.namesOf(await knownThere(draft, network)), sandbox.name);
}

export async function findEndpoint(
  draft: Draft,
  sandbox: Sandbox,
  ref: string,
): Promise<{ endpoint: Endpoint; network: Network }> {
  const network = await findNetwork(draft, ref);
  const namespace = await ownNamespace(draft, sandbox, "change that");
  const endpoints = await endpointsOfNamespace(draft, namespace.id);
  const endpoint = endpoints.find((candidate) => candidate.network === network.id);
  if (endpoint === undefined) {
    throw new NetkitError(
      "ENDPOINT_NOT_FOUND",
      `sandbox '${sandbox.name}' is not connected to network '${network.name}'`,
      { hint: await whereItIs(draft, endpoints) },
    );
  }
  return { endpoint, network };
}

/** Now, or a millisecond after the sandbox's latest endpoint: their order is the order in which they were made. */
export function momentAfter(others: readonly Attached[]): string {
  const latest = Math.max(...others.map(({ endpoint }) => Date.parse(endpoint.created)), 0);
  return new Date(Math.max(Date.now(), latest + 1)).toISOString();
}

async function whereItIs(draft: Draft, endpoints: readonly Endpoint[]): Promise<string> {
  if (endpoints.length === 0) return "It is connected to no network.";
  const names = await Promise.all(endpoints.map(async (endpoint) => (await networkOf(draft, endpoint.network)).name));
  return `It is connected to ${names.map((name) => `'${name}'`).join(", ")}.`;
}
