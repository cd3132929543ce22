import { isNetkitError, NetkitError, type Network } from "@netkit/core";
import type { EndpointDetails, Netkit, SandboxDetails, SandboxHandle } from "@netkit/engine";
import { identityOf } from "./namespace.ts";

/**
 * The sandbox of a container by one of the names that it may have; one of that name that the runtime hasn't made is none.
 * @param label what the runtime's sandboxes have its container's id in
 */
export async function findContainer(
  netkit: Netkit,
  names: readonly (string | undefined)[],
  label: string,
  containerId: string,
): Promise<SandboxDetails | undefined> {
  for (const name of names) {
    const found = name === undefined ? undefined : await findNamed(netkit, name);
    if (found?.labels[label] === containerId) return found;
  }
  return undefined;
}

async function findNamed(netkit: Netkit, name: string): Promise<SandboxDetails | undefined> {
  try {
    return await (await netkit.sandboxes.get(name)).inspect();
  } catch (error) {
    // The name may be the prefix of several ids, too: it is nobody's name then.
    if (isNetkitError(error) && (error.code === "SANDBOX_NOT_FOUND" || error.code === "ID_AMBIGUOUS")) return undefined;
    throw error;
  }
}

/** What others are refused while the container is there; none of its processes is netkit's. */
const byEngine = { force: true };

/** Removes endpoints, and the sandbox with its last one. What somebody else has removed meanwhile is removed. */
export async function detach(
  netkit: Netkit,
  sandbox: SandboxDetails,
  endpoints: readonly EndpointDetails[],
): Promise<void> {
  const going = new Set(endpoints.map(({ id }) => id));
  try {
    const handle = await netkit.sandboxes.get(sandbox.id);
    const areAll = sandbox.endpoints.every(({ id }) => going.has(id));
    if (!areAll) for (const { network } of endpoints) await disconnect(handle, network);
    const left = (await handle.inspect()).endpoints;
    if (left.every(({ id }) => going.has(id))) await netkit.sandboxes.remove(sandbox.id, byEngine);
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "SANDBOX_NOT_FOUND") throw error;
  }
}

async function disconnect(handle: SandboxHandle, network: string): Promise<void> {
  try {
    await handle.disconnect(network);
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "ENDPOINT_NOT_FOUND") throw error;
  }
}

/**
 * @param before what a runtime calls first, where it does as it should
 * @throws NetkitError ENDPOINT_EXISTS
 */
export function refuseSecond({ name, endpoints }: SandboxDetails, ifName: string, before: string): void {
  const there = endpoints.find((endpoint) => endpoint.ifName === ifName);
  if (there === undefined) return;
  throw new NetkitError(
    "ENDPOINT_EXISTS",
    `container '${name}' has an interface '${ifName}' already, on network '${there.networkName}'`,
    { hint: `A runtime calls ${before} before it asks for the same interface again.`, details: { ifName } },
  );
}

/** @throws NetkitError NAME_TAKEN */
export function refuseOtherNamespace({ name, netns: known }: SandboxDetails, netns: string, before: string): void {
  const identity = identityOf(netns);
  if (identity !== undefined && identity === identityOf(known)) return;
  throw new NetkitError("NAME_TAKEN", `container '${name}' is in the namespace ${known}, not ${netns}`, {
    hint: `A runtime calls ${before} for a container before its id is that of another one.`,
    details: { known, netns },
  });
}

/** Before anything is made for it. @throws NetkitError UNSUPPORTED */
export async function refuseWithoutInterfaces(netkit: Netkit, { name, driver }: Network): Promise<void> {
  const { traits } = await netkit.driver(driver);
  if (traits.namespace === "own" && !traits.exclusive) return;
  throw new NetkitError("UNSUPPORTED", `network '${name}' (driver '${driver}') gives a container no interface`, {
    hint: "Name another network: bridge, macvlan, ipvlan and overlay ones have interfaces.",
    details: { network: name },
  });
}

/** The endpoint that has just been made as an interface: of networks that give none {@link refuseWithoutInterfaces} says so before. */
export function madeInterface<E extends { readonly ifName: string }>(endpoints: readonly E[], ifName: string): E {
  const found = endpoints.find((endpoint) => endpoint.ifName === ifName);
  if (found !== undefined) return found;
  throw new NetkitError("INTERNAL", `no endpoint was made as interface '${ifName}'`);
}
