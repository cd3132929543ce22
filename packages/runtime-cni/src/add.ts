import { isNetkitError, NetkitError, type Endpoint, type Network, type Plan } from "@netkit/core";
import type { ChangeOptions, EndpointRequest, Netkit, SandboxDetails } from "@netkit/engine";
import { addResult, type Made } from "./add-result.ts";
import { findContainer } from "./attachment.ts";
import { cniCodes, CniError } from "./cni-error.ts";
import type { Configuration } from "./configuration.ts";
import type { Environment } from "./environment.ts";
import { listLabel, sandboxLabels, sandboxName } from "./labels.ts";
import { identityOf, refuseOwnNamespace } from "./namespace.ts";
import { openNetwork } from "./network.ts";
import { appendResult, parseResult, type Result } from "./result.ts";
import { portsAlone, theirEndpoint, withNames, type TheirEndpoint } from "./their-interface.ts";
import { aliasesOf, dnsOf, endpointWishes, type EndpointWishes } from "./wishes.ts";

/**
 * Connects a container to the network: all of it or nothing. An interface that is there already has names and ports of netkit's, and
 * is otherwise left as it is.
 */
export async function add(netkit: Netkit, environment: Environment, configuration: Configuration): Promise<Result> {
  refuseForeignIpam(configuration);
  const { prevResult, cniVersion } = configuration;
  const before = prevResult === undefined ? undefined : parseResult(prevResult, cniVersion);
  const theirs = theirEndpoint(before, environment);
  refuseOwnNamespace(environment);
  const all = endpointWishes(environment, configuration);
  // What containers asked for names so far they still do, for those that netkit doesn't know.
  const asked =
    theirs === undefined ? configuration : { ...configuration, dns: { ...before?.dns, ...configuration.dns } };
  const wishes = theirs === undefined ? all : { ...portsAlone(all), ...theirs };
  const { network, isNew } = await openNetwork(netkit, configuration);
  try {
    const made = await attach(netkit, environment, asked, network, wishes);
    const result = addResult(environment, made);
    if (before === undefined) return result;
    return theirs === undefined ? appendResult(before, result) : withNames(before, result);
  } catch (error) {
    if (isNew) await removeUnused(netkit, network);
    throw error;
  }
}

/** @throws CniError 2 */
export function refuseForeignIpam({ ipam }: Configuration): void {
  const type = ipam?.type ?? "";
  if (type === "" || type === "netkit-ipam") return;
  throw new CniError(
    cniCodes.unsupportedField,
    `"ipam": { "type": ${JSON.stringify(type)} } is not supported`,
    "A netkit network hands out its addresses itself: leave 'ipam' out.",
  );
}

type Attached = Made & { readonly endpoint: Endpoint };

async function attach(
  netkit: Netkit,
  environment: Environment,
  configuration: Configuration,
  network: Network,
  wishes: EndpointWishes & TheirEndpoint,
): Promise<Attached> {
  const { containerId, netns, ifName } = environment;
  // As in Docker, predefined networks have no names.
  const aliases = network.predefined ? [] : aliasesOf(environment, configuration);
  const request: EndpointRequest = {
    ...wishes,
    network: network.id,
    ifName,
    ...(aliases.length === 0 ? {} : { aliases }),
    labels: { [listLabel]: configuration.name },
    tunable: true,
  };
  const dns = dnsOf(configuration);
  const plans: Plan[] = [];
  const watching: ChangeOptions = { onPlan: ({ plan }) => void plans.push(plan) };
  const name = sandboxName(containerId);
  const open = async (): Promise<Attached> => {
    const labels = sandboxLabels(environment);
    const opened = await netkit.sandboxes.open({ name, netns, networks: [request], labels, dns }, watching);
    const { endpoints, names } = await opened.inspect();
    return { endpoint: made(endpoints, ifName), network, plan: plans.at(-1) ?? [], names, dns };
  };
  try {
    return await open();
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "NAME_TAKEN") throw error;
    const sandbox = await findContainer(netkit, containerId);
    if (sandbox === undefined) throw error;
    if (sandbox.state === "gone") {
      // Its runtime, or the host, has died without a DEL; the container is a new one.
      await netkit.sandboxes.remove(sandbox.id);
      return await open();
    }
    refuseOtherNamespace(sandbox, environment);
    refuseSecond(sandbox, environment);
    const handle = await netkit.sandboxes.get(sandbox.id);
    // The first interface keeps the default route, unless a configuration says otherwise.
    const gatewayPriority = wishes.gatewayPriority ?? -sandbox.endpoints.length;
    const further = wishes.theirs === undefined ? { ...request, gatewayPriority } : request;
    const endpoint = await handle.connect(further, watching);
    return { endpoint, network, plan: plans.at(-1) ?? [], names: sandbox.names, dns };
  }
}

function made(endpoints: readonly Endpoint[], ifName: string): Endpoint {
  const found = endpoints.find((endpoint) => endpoint.ifName === ifName);
  if (found !== undefined) return found;
  throw new NetkitError("UNSUPPORTED", "the network gives a container no interface", {
    hint: "Name another network: bridge, macvlan, ipvlan and overlay ones have interfaces.",
  });
}

/** @throws NetkitError ENDPOINT_EXISTS */
function refuseSecond({ name, endpoints }: SandboxDetails, { ifName }: Environment): void {
  const there = endpoints.find((endpoint) => endpoint.ifName === ifName);
  if (there === undefined) return;
  throw new NetkitError(
    "ENDPOINT_EXISTS",
    `container '${name}' has an interface '${ifName}' already, on network '${there.networkName}'`,
    { hint: "A runtime calls DEL before it calls ADD for the same interface again.", details: { ifName } },
  );
}

/** @throws NetkitError NAME_TAKEN */
function refuseOtherNamespace({ name, netns: known }: SandboxDetails, { netns }: Environment): void {
  const identity = identityOf(netns);
  if (identity !== undefined && identity === identityOf(known)) return;
  throw new NetkitError("NAME_TAKEN", `container '${name}' is in the namespace ${known}, not ${netns}`, {
    hint: "A runtime calls DEL for a container before its id is that of another one.",
    details: { known, netns },
  });
}

/** A network that was made for nothing; one that others have come to use stays. */
async function removeUnused(netkit: Netkit, { id }: Network): Promise<void> {
  try {
    await netkit.networks.remove(id);
  } catch (error) {
    if (!isNetkitError(error) || !["NETWORK_IN_USE", "NETWORK_NOT_FOUND"].includes(error.code)) throw error;
  }
}
