import {
  familyOf,
  formatRange,
  NetkitError,
  type AnyDriver,
  type Endpoint,
  type EndpointId,
  type Network,
  type PortSpec,
  type PublishedPort,
  type Sandbox,
  type TheirInterface,
} from "@netkit/core";
import { findEndpoint } from "./attached.ts";
import type { Draft } from "./draft.ts";
import { planEndpoint } from "./endpoint-plan.ts";
import { giveBackPorts, portTaken, takePorts } from "./host-ports.ts";
import type { Context } from "./operation.ts";
import { networkThatPublishes, networkToPublishOn } from "./port-network.ts";
import { resolvePorts, selectPorts } from "./ports.ts";
import { routedPorts } from "./routed-ports.ts";
import { viewOf } from "./view.ts";

/** @param at the network, and whether another engine holds the ports by sockets of the host already */
export async function publish(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  { ref, held }: { readonly ref: string | undefined; readonly held?: boolean | undefined },
  specs: readonly (PortSpec | string)[],
): Promise<Endpoint> {
  const on = ref ?? (await networkToPublishOn(context, draft, sandbox));
  const { endpoint, network } = await findEndpoint(draft, sandbox, on);
  const driver = await context.drivers.of(network);
  const added = await choosePorts(context, draft, driver, network, specs, endpoint.ports, {
    theirs: endpoint.theirs,
    held,
  });
  const changed: Endpoint = { ...endpoint, ports: [...endpoint.ports, ...added] };
  await publishPorts(context, draft, added, endpoint.id);
  planEndpoint(context, draft, driver, network, sandbox, changed);
  return changed;
}

export async function unpublish(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  ref: string | undefined,
  specs: readonly (PortSpec | string)[],
): Promise<Endpoint> {
  const on = ref ?? (await networkThatPublishes(draft, sandbox, specs));
  const { endpoint, network } = await findEndpoint(draft, sandbox, on);
  const driver = await context.drivers.of(network);
  const gone = new Set(selectPorts(endpoint.ports, specs));
  const changed: Endpoint = { ...endpoint, ports: endpoint.ports.filter((port) => !gone.has(port)) };
  planEndpoint(context, draft, driver, network, sandbox, changed);
  await giveBackPorts(draft, [...gone], endpoint.id);
  return changed;
}

/** @param held another engine holds them by sockets of the host already */
export async function choosePorts(
  { host, otherRoots, instance, agent }: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  specs: readonly (PortSpec | string)[],
  already: readonly PublishedPort[],
  { theirs, held = false }: { readonly theirs?: TheirInterface | undefined; readonly held?: boolean | undefined } = {},
): Promise<PublishedPort[]> {
  if (theirs !== undefined && specs.length > 0) refuseUnreached(theirs, network);
  if (theirs === undefined && specs.length > 0 && !driver.traits.publish) {
    throw new NetkitError(
      "UNSUPPORTED",
      `ports can't be published on network '${network.name}' (driver '${driver.name}')`,
      {
        hint:
          driver.traits.namespace === "host"
            ? "The sandbox uses the host's ports as they are."
            : "Connect it to a bridge network for that.",
      },
    );
  }
  const view = viewOf(instance, network);
  const families = theirs === undefined ? driver.hostPorts?.(view) : undefined;
  if (families?.length === 0) return routedPorts(network.name, specs, already);
  const address = driver.publishAddress?.(view);
  const resolved = await resolvePorts({ draft, host, otherRoots, held }, specs, already, address);
  const isMixed = families !== undefined && !network.subnets.every(({ subnet }) => families.includes(familyOf(subnet)));
  const ports = isMixed ? resolved.map((port) => ({ ...port, hostFamilies: families })) : resolved;
  for (const port of ports) if (isPassedOn(port)) refuseUnserved(port, agent !== undefined);
  return ports;
}

/** @throws NetkitError UNSUPPORTED */
function refuseUnreached({ link }: TheirInterface, { name }: Network): void {
  if (link !== undefined) return;
  throw new NetkitError(
    "UNSUPPORTED",
    `ports can't be published for it on network '${name}': no link of the host leads to the interface of another engine`,
    { hint: "Have it on a bridge of the host, or leave out its ports." },
  );
}

/** NAT can't serve it: the agent passes on what comes to it. */
export function isPassedOn({ hostAddress }: PublishedPort): boolean {
  return hostAddress === "::1";
}

/** @throws NetkitError UNSUPPORTED */
function refuseUnserved(port: PublishedPort, hasAgent: boolean): void {
  if (hasAgent && port.protocol !== "sctp") return;
  const why = hasAgent
    ? "the agent passes on TCP and UDP alone"
    : "NAT doesn't reach it, and no agent is to be started";
  throw new NetkitError(
    "UNSUPPORTED",
    `port ${formatRange(port.port)}/${port.protocol} can't be published on [::1]: ${why}`,
    {
      hint: "Publish it on 127.0.0.1 for the host alone, or on another IPv6 address of the host.",
      details: { port },
    },
  );
}

/** Takes ports of the host, and looks again at the other roots' when those can't change any more. */
export async function publishPorts(
  { host, otherRoots }: Context,
  draft: Draft,
  published: readonly PublishedPort[],
  endpoint: EndpointId,
): Promise<void> {
  const ports = published.filter(({ routed }) => routed !== true);
  if (ports.length === 0) return;
  if (ports.some(isPassedOn)) [draft.needsAgent, draft.awaitsAgent] = [true, true];
  await takePorts(draft, ports, endpoint);
  draft.published.push(...ports);
  // The lock of all roots is taken once, however many endpoints the operation has.
  if (draft.published.length > ports.length) return;
  draft.holding(async () => {
    const { cookie } = await host.open();
    const excluded = await otherRoots.exclude(cookie);
    const clash = await otherRoots.findClash(cookie, draft.published);
    if (clash === undefined) return excluded;
    excluded[Symbol.dispose]();
    throw portTaken(clash.port, clash.who);
  });
}
