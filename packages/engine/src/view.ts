import {
  driverOptionsOf,
  isDriverFile,
  isNetkitError,
  isResourceKind,
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
 * What a driver returns, checked: a stranger's package must not reach into other namespaces, nor list an object twice.
 * @throws NetkitError DRIVER_INVALID
 */
export function resourcesOf(
  driver: AnyDriver,
  ask: () => readonly Resource[],
  allowed: readonly NamespaceRef[],
): readonly Resource[] {
  const resources = asked(driver, ask);
  const seen = new Set<string>();
  const fail = (why: string): never => {
    throw new NetkitError("DRIVER_INVALID", `driver '${driver.name}' returned a bad list of resources: ${why}`, {
      hint: "This is a bug of the driver; 'netkit conformance' finds such ones.",
    });
  };
  for (const resource of resources) {
    if (!isResourceKind(resource.kind)) fail(`there is no kind '${String(resource.kind)}'`);
    const key = keyOf(resource);
    if (seen.has(key)) fail(`${key} is there twice`);
    seen.add(key);
    const spaces = resource.kind === "veth" ? [resource.ns, resource.peer.ns] : [resource.ns];
    if (!spaces.every((ns) => allowed.includes(ns))) fail(`${key} lies in a namespace of somebody else`);
    if (resource.kind === "netns") fail("drivers have no netns resources");
    if (resource.kind === "file" && !isDriverFile(resource.path)) fail(`drivers have no file at ${resource.path}`);
  }
  return resources;
}

/**
 * What one of a driver's functions returns.
 * @throws NetkitError as it does; DRIVER_INVALID for what is none
 */
export function asked<T>(driver: AnyDriver, ask: () => T): T {
  try {
    return ask();
  } catch (cause) {
    if (isNetkitError(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NetkitError("DRIVER_INVALID", `driver '${driver.name}' failed: ${why}`, {
      hint: "This is a bug of the driver; 'netkit conformance' finds such ones.",
      cause,
    });
  }
}

/** The name under /run/netns of a namespace that netkit makes for a sandbox. */
export function namespaceName(instance: Instance, sandboxName: string): string {
  return `${instance.mark}.${sandboxName}`;
}
