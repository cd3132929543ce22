import { NetkitError, type Endpoint, type PortSpec, type Sandbox } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { endpointsOfNamespace, networkOf } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { publishes } from "./ports.ts";

/**
 * The network that a sandbox's ports are published on when none is named: the only one of its networks that can.
 * @throws NetkitError UNSUPPORTED when none can, ARGUMENT_INVALID with the names when several can
 */
export async function networkToPublishOn({ drivers }: Context, draft: Draft, sandbox: Sandbox): Promise<string> {
  const able: string[] = [];
  const others: string[] = [];
  for (const endpoint of await endpointsOfNamespace(draft, sandbox.namespace)) {
    const network = await networkOf(draft, endpoint.network);
    const can = endpoint.addresses.length > 0 && !network.internal && (await drivers.of(network)).traits.publish;
    (can ? able : others).push(network.name);
  }
  const [first, second] = able;
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined)
    throw ambiguous(`ports of sandbox '${sandbox.name}' can be published on several networks`, able);
  const networks = others.length === 0 ? "it is on no network" : `it is on ${others.join(", ")}`;
  throw new NetkitError("UNSUPPORTED", `sandbox '${sandbox.name}' is on no network that publishes ports`, {
    hint: `Connect it to a bridge network first; ${networks}.`,
    details: { sandbox: sandbox.name, networks: others },
  });
}

/**
 * The network that the ports to withdraw are published on: the only one with published ports, or else the only one that
 * has those that are named.
 * @throws NetkitError PORT_NOT_FOUND, ARGUMENT_INVALID
 */
export async function networkThatPublishes(
  draft: Draft,
  sandbox: Sandbox,
  specs: readonly (PortSpec | string)[],
): Promise<string> {
  const endpoints = (await endpointsOfNamespace(draft, sandbox.namespace)).filter(({ ports }) => ports.length > 0);
  const having = endpoints.length > 1 ? endpoints.filter(({ ports }) => publishes(ports, specs)) : endpoints;
  const [first, second] = having;
  if (first !== undefined && second === undefined) return await nameOf(draft, first);
  const names = await Promise.all(
    (first === undefined ? endpoints : having).map((endpoint) => nameOf(draft, endpoint)),
  );
  if (first !== undefined) throw ambiguous(`sandbox '${sandbox.name}' publishes such ports on several networks`, names);
  if (names.length > 0) throw ambiguous(`sandbox '${sandbox.name}' publishes these ports on no one network`, names);
  throw new NetkitError("PORT_NOT_FOUND", `sandbox '${sandbox.name}' publishes no ports`, {
    hint: "See what is published: netkit port ls",
    details: { sandbox: sandbox.name },
  });
}

async function nameOf(draft: Draft, { network }: Endpoint): Promise<string> {
  return (await networkOf(draft, network)).name;
}

function ambiguous(what: string, networks: readonly string[]): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `${what}: ${networks.join(", ")}`, {
    hint: `Name one: --network ${networks[0]}`,
    details: { networks },
  });
}
