import { isName, isNetkitError, type NetworkId } from "@netkit/core";
import type { SandboxDetails, SandboxNames } from "@netkit/engine";
import type { ContainerNames } from "./docker-api.ts";

/** sethostname(2) takes more; names in DNS don't. */
const hostnameLike = /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/;

type Attached = Pick<SandboxDetails["endpoints"][number], "id" | "network" | "aliases">;

/** What a sandbox is to be called: on each network by Docker's aliases, its short id and its name, whatever the sandbox is called. */
export function namesOf(
  { name, hostname, endpoints }: ContainerNames,
  shortId: string,
  attached: readonly Attached[],
): SandboxNames & { readonly aliases: Readonly<Record<NetworkId, readonly string[]>> } {
  const aliases: Record<NetworkId, string[]> = {};
  for (const { id, network } of attached) {
    const given = endpoints.get(id);
    if (given !== undefined)
      // Docker lets more through in aliases.
      aliases[network] = [...new Set([name, ...given, shortId])].filter(isName);
  }
  return { name, aliases, ...(hostnameLike.test(hostname) ? { hostname } : {}) };
}

/** Whether it is called so already. */
export function isSame(
  {
    name,
    hostname,
    endpoints,
  }: Pick<SandboxDetails, "name" | "hostname"> & { readonly endpoints: readonly Attached[] },
  wanted: ReturnType<typeof namesOf>,
): boolean {
  if (name !== wanted.name || hostname !== (wanted.hostname ?? hostname)) return false;
  return endpoints.every(({ network, aliases }) => aliases.join() === (wanted.aliases[network] ?? aliases).join());
}

/** Whether a name can't be had, so that the aliases have to do. */
export function isNameTrouble(error: unknown): boolean {
  return isNetkitError(error) && ["NAME_TAKEN", "NAME_INVALID", "NETWORK_PREDEFINED"].includes(error.code);
}
