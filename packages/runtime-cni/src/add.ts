import { hasNames, isNetkitError, NetkitError, type Endpoint, type Network, type Plan } from "@netkit/core";
import type { ChangeOptions, EndpointRequest, Netkit } from "@netkit/engine";
import {
  connectFurther,
  madeInterface,
  refuseOtherNamespace,
  refuseSecond,
  refuseWithoutInterfaces,
  removeUnused,
} from "@netkit/runtime";
import { addResult, type Made } from "./add-result.ts";
import { findContainer } from "./attachment.ts";
import { cniCodes, CniError } from "./cni-error.ts";
import type { Configuration } from "./configuration.ts";
import type { Environment } from "./environment.ts";
import { listLabel, sandboxLabels, sandboxNames } from "./labels.ts";
import { refuseOwnNamespace } from "./namespace.ts";
import { openNetwork } from "./network.ts";
import { appendResult, parseResult, type Result } from "./result.ts";
import { theirEndpoint, withNames, type TheirEndpoint } from "./their-interface.ts";
import { aliasesOf, dnsOf, endpointWishes, publishedOf, type EndpointWishes } from "./wishes.ts";

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
  // The rest of what the runtime asks for is for whoever makes the interface.
  const wishes = theirs ?? all;
  const { network, isNew } = await openNetwork(netkit, configuration);
  try {
    await refuseWithoutInterfaces(netkit, network);
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

/** Of a sandbox that no plugin has made. */
function nameTaken(cause: NetkitError): NetkitError {
  const hint = "It is none of CNI's, and is called as the container: 'netkit sandbox ls' lists it.";
  return new NetkitError("NAME_TAKEN", cause.message, { hint, details: cause.details, cause });
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
  // Whoever has flushed the host's rules has containers connected anew (podman network reload).
  await netkit.restoreFirewall();
  // As in Docker, predefined networks have no names.
  const aliases = network.predefined ? [] : aliasesOf(environment, configuration);
  // Runtimes ask for a container's ports on each of its networks. Nothing from outside gets into one that is internal.
  const specs = publishedOf(configuration);
  const publish = network.internal ? [] : specs;
  const request: EndpointRequest = {
    ...wishes,
    network: network.id,
    ifName,
    ...(aliases.length === 0 ? {} : { aliases }),
    labels: { [listLabel]: configuration.name },
    tunable: true,
    // Podman holds them by sockets as long as the container lives, when it is connected anew, too.
    portsHeld: true,
  };
  const dns = dnsOf(configuration);
  const plans: Plan[] = [];
  const watching: ChangeOptions = { onPlan: ({ plan }) => void plans.push(plan) };
  const open = async (name: string): Promise<Attached> => {
    const labels = sandboxLabels(environment);
    const opened = await netkit.sandboxes.open(
      { name, netns, networks: [{ ...request, publish }], labels, dns },
      watching,
    );
    const { endpoints, names } = await opened.inspect();
    return { endpoint: madeInterface(endpoints, ifName), network, plan: plans.at(-1) ?? [], names, dns, isTold: false };
  };
  const [name, other] = sandboxNames(containerId);
  try {
    return await open(name);
  } catch (error) {
    if (!isNetkitError(error) || (error.code !== "NAME_TAKEN" && error.code !== "NAMESPACE_ADOPTED")) throw error;
    const sandbox = await findContainer(netkit, containerId);
    if (sandbox === undefined && error.code === "NAME_TAKEN" && other !== undefined) return await open(other);
    if (sandbox === undefined) throw error.code === "NAME_TAKEN" ? nameTaken(error) : error;
    if (sandbox.state === "gone") {
      // Its runtime, or the host, has died without a DEL; the container is a new one.
      await netkit.sandboxes.remove(sandbox.id);
      return await attach(netkit, environment, configuration, network, wishes);
    }
    refuseOtherNamespace(sandbox, netns, "DEL");
    refuseSecond(sandbox, ifName, "DEL");
    // The first interface keeps the default route, unless a configuration says otherwise.
    const gatewayPriority = wishes.gatewayPriority ?? -sandbox.endpoints.length;
    const further = wishes.theirs === undefined ? { ...request, gatewayPriority } : request;
    const isTold = sandbox.names && (await someHasNames(netkit, sandbox.endpoints));
    const connected = await connectFurther(netkit, sandbox, [further], specs, watching);
    return {
      endpoint: madeInterface(connected, ifName),
      network,
      plan: plans.at(-1) ?? [],
      names: sandbox.names,
      dns,
      isTold,
    };
  }
}

async function someHasNames(netkit: Netkit, endpoints: readonly Endpoint[]): Promise<boolean> {
  for (const { network } of endpoints) if (hasNames(await netkit.networks.get(network))) return true;
  return false;
}
