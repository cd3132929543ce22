import {
  driverOptionsOf,
  keyOf,
  NetkitError,
  type AnyDriver,
  type Instance,
  type NamespaceRef,
  type Network,
  type NetworkView,
  type Resource,
} from "@netkit/core";

/** A stored network as its driver sees it. */
export function viewOf(instance: Instance, network: Network): NetworkView {
  const { id, name, internal, subnets, facts, claims, share } = network;
  const host = share?.host;
  const options = driverOptionsOf(network);
  return { instance, id, name, internal, subnets, options, facts, claims, ...(host === undefined ? {} : { host }) };
}

/**
 * What a driver returned, checked: a stranger's package must not reach into other namespaces, nor list an object twice.
 * @throws NetkitError DRIVER_INVALID
 */
export function checkResources(
  driver: AnyDriver,
  resources: readonly Resource[],
  allowed: readonly NamespaceRef[],
): readonly Resource[] {
  const seen = new Set<string>();
  const fail = (why: string): never => {
    throw new NetkitError("DRIVER_INVALID", `driver '${driver.name}' returned a bad list of resources: ${why}`, {
      hint: "This is a bug of the driver; 'netkit conformance' finds such ones.",
    });
  };
  for (const resource of resources) {
    const key = keyOf(resource);
    if (seen.has(key)) fail(`${key} is there twice`);
    seen.add(key);
    const spaces = resource.kind === "veth" ? [resource.ns, resource.peer.ns] : [resource.ns];
    if (!spaces.every((ns) => allowed.includes(ns))) fail(`${key} lies in a namespace of somebody else`);
    if (resource.kind === "netns" || resource.kind === "file") fail(`drivers have no ${resource.kind} resources`);
  }
  return resources;
}

/** The name under /run/netns of a namespace that netkit makes for a sandbox. */
export function namespaceName(instance: Instance, sandboxName: string): string {
  return `${instance.mark}.${sandboxName}`;
}
