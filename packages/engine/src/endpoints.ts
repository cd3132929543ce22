import {
  familyOf,
  hasNames,
  ipOf,
  isAnotherEngines,
  isConnectedByEngine,
  kernelName,
  NetkitError,
  parseMac,
  parseName,
  prefixLengthOf,
  type Endpoint,
  type EndpointId,
  type Network,
  type Sandbox,
} from "@netkit/core";
import { assignAddresses, takeLinkLocal } from "./addresses.ts";
import { planAnnouncement } from "./announcements.ts";
import type { EndpointRequest } from "./api.ts";
import { attachedTo, findEndpoint, momentAfter, ownNamespace, refuseMixture } from "./attached.ts";
import type { Draft } from "./draft.ts";
import { chooseMac } from "./endpoint-mac.ts";
import { planEndpoint } from "./endpoint-plan.ts";
import { choosePorts, publishPorts } from "./endpoint-ports.ts";
import { refuseFull } from "./full-network.ts";
import { refuseHandingOver } from "./handed-over.ts";
import { giveBackPorts } from "./host-ports.ts";
import { hasInterfaces, readInterface } from "./interface.ts";
import { interfaceName } from "./interface-name.ts";
import { chosenId } from "./new-id.ts";
import { namespaceOf } from "./lookup.ts";
import { addressKeyOf, realise } from "./networks.ts";
import type { Context } from "./operation.ts";
import { refuseRouteClash } from "./route-clash.ts";
import { moveDefaultRoutes } from "./route-moves.ts";
import { refreshFiles } from "./sandbox-files.ts";
import { asListed } from "./shared/own-part.ts";
import { shareEndpoint, unshareEndpoint } from "./shared/presence.ts";
import { realiseHere } from "./shared/realising.ts";
import { findNetworkHere } from "./shared/unfollowed.ts";
import { keys, type AddressHolder } from "./state.ts";
import { refuseTheirs, takeTheirAddresses, theirInterface } from "./theirs.ts";

/** Attaches a sandbox to a network. The default route goes to the endpoint that it suits best: perhaps the new one. */
export async function connect(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  request: EndpointRequest,
): Promise<Endpoint> {
  const namespace = await ownNamespace(draft, sandbox, "connect");
  const found = await findNetworkHere(context, draft, request.network);
  if (found.configOnly !== undefined) {
    throw new NetkitError("UNSUPPORTED", `'${found.name}' holds settings for networks and is none itself`, {
      hint: `Create one from it: netkit network create --config-from ${found.name} NAME`,
    });
  }
  const driver = await context.drivers.of(found);
  const others = await attachedTo(draft, namespace);
  await refuseMixture(
    context,
    draft,
    sandbox,
    namespace,
    found,
    driver,
    others,
    isConnectedByEngine(request) && !isAnotherEngines(request),
  );
  const handOver = request.handedOver === true;
  if (handOver) refuseHandingOver(driver, found, request);
  if (request.theirs !== undefined) refuseTheirs(driver, found, request);
  const { ifName, families, sysctls, gatewayPriority, metric, options } = readInterface(driver, found, request);
  const aliases = parseAliases(found, request.aliases ?? []);
  const isGlobal = found.scope === "global";
  const network = found.realised ? found : await (isGlobal ? realiseHere : realise)(context, draft, driver, found);
  await refuseFull(context, draft, driver, network);

  const id = await chosenId<EndpointId>(draft, "an endpoint", request.id, keys.endpoint);
  const wanted = asListed(network, sandbox.name, request);
  const { addresses, reused } =
    request.theirs === undefined
      ? await assignAddresses(draft, wanted.network, wanted.request, id, families)
      : { addresses: await takeTheirAddresses(draft, network, request.theirs.addresses, id), reused: false };
  const theirs = request.theirs && (await theirInterface(draft, network, request.theirs.link));
  const linkLocal = await takeLinkLocal(draft, network, request.linkLocal ?? [], id, families);
  const looked = namespace.owner === "stranger" && !handOver;
  const inside = looked ? (await context.host.open()).look(namespace.path) : undefined;
  const endpoint: Endpoint = {
    id,
    network: network.id,
    sandbox: sandbox.id,
    namespace: namespace.id,
    created: momentAfter(others),
    ifName: handOver
      ? kernelName("c", context.instance, id)
      : hasInterfaces(driver)
        ? interfaceName(sandbox, request, ifName, {
            links: inside?.links ?? [],
            interfaces: others.map((other) => other.endpoint.ifName),
          })
        : "",
    ...(theirs === undefined
      ? chooseMac(driver, wanted.request.mac, { id, addresses })
      : request.mac && { mac: parseMac(request.mac) }),
    addresses,
    ports: await choosePorts(context, draft, driver, network, request.publish ?? [], [], {
      theirs,
      held: request.portsHeld,
    }),
    aliases,
    defaultRoute: [],
    ...(gatewayPriority === 0 ? {} : { gatewayPriority }),
    ...(metric === 0 ? {} : { metric }),
    ...(linkLocal.length === 0 ? {} : { linkLocal }),
    ...(Object.keys(sysctls).length === 0 ? {} : { sysctls }),
    ...(handOver ? { handedOver: true } : {}),
    ...(theirs === undefined ? {} : { theirs }),
    ...(request.leavesDefaultRoute === true ? { leavesDefaultRoute: true } : {}),
    options,
    ...(request.labels === undefined ? {} : { labels: request.labels }),
    ...(request.tunable === true ? { tunable: true } : {}),
  };
  refuseRouteClash(sandbox.name, { endpoint, network }, others);
  await publishPorts(context, draft, endpoint.ports, endpoint.id);
  // A default route of somebody else's stays.
  const leading = (inside?.routes ?? [])
    .filter(({ destination }) => prefixLengthOf(destination) === 0)
    .map(({ destination }) => familyOf(destination));
  const open = (["ipv4", "ipv6"] as const).filter((family) => !leading.includes(family));
  const moved = await moveDefaultRoutes(context, draft, [...others, { endpoint, network }], open);
  const connected = moved.find((changed) => changed.id === id) ?? endpoint;
  if (connected === endpoint) planEndpoint(context, draft, driver, network, sandbox, endpoint);
  if (isGlobal) await shareEndpoint(context, draft, network, sandbox, connected);
  // Who takes the interface over tells its neighbours when it is where it belongs.
  if (!handOver && theirs === undefined) planAnnouncement(draft, network, connected, reused);
  draft.put(keys.attached(network.id, id), 1);
  draft.put(keys.member(namespace.id, id), 1);
  if (sandbox.names && hasNames(network)) {
    draft.needsAgent = true;
    if (draft.makes(keys.namespace(namespace.id))) draft.awaitsAgent = true;
    else draft.expected.add(namespace.id);
  }
  await refreshFiles(context, draft, sandbox, namespace);
  return connected;
}

/** @throws NetkitError UNSUPPORTED: as in Docker, the predefined networks have no names beside those of sandboxes */
function parseAliases({ name, predefined }: Network, aliases: readonly string[]): string[] {
  if (predefined && aliases.length > 0) {
    throw new NetkitError("UNSUPPORTED", `network '${name}' is predefined and has no aliases`, {
      hint: "Create a network of your own for that: netkit network create",
      details: { network: name, aliases },
    });
  }
  return aliases.map((alias) => parseName("alias", alias));
}

/** Detaches a sandbox from a network; a default route moves to another endpoint that can carry it. */
export async function disconnect(context: Context, draft: Draft, sandbox: Sandbox, ref: string): Promise<Endpoint> {
  const { endpoint, network } = await findEndpoint(draft, sandbox, ref);
  draft.recovery = "finish";
  await detach(draft, endpoint, network);
  const namespace = await namespaceOf(draft, sandbox.namespace);
  await moveDefaultRoutes(context, draft, await attachedTo(draft, namespace), endpoint.defaultRoute);
  await refreshFiles(context, draft, sandbox, namespace);
  return endpoint;
}

/** Takes an endpoint away, whatever its sandbox looks like afterwards. */
export async function detach(draft: Draft, endpoint: Endpoint, network: Network): Promise<void> {
  const stored = await draft.owned(endpoint.id);
  draft.want(stored?.owner ?? { type: "endpoint", id: endpoint.id, name: network.name }, []);
  draft.delete(keys.endpoint(endpoint.id));
  draft.delete(keys.attached(network.id, endpoint.id));
  draft.delete(keys.member(endpoint.namespace, endpoint.id));
  for (const address of [...endpoint.addresses.map((assigned) => assigned.address), ...(endpoint.linkLocal ?? [])]) {
    const key = addressKeyOf(network.id, ipOf(address));
    // One of another engine's interface may be lent, or of no subnet here.
    if (endpoint.theirs !== undefined && (await draft.get<AddressHolder>(key))?.endpoint !== endpoint.id) continue;
    draft.delete(key);
  }
  await giveBackPorts(draft, endpoint.ports, endpoint.id);
  if (network.scope === "global") await unshareEndpoint(draft, network, endpoint);
}
