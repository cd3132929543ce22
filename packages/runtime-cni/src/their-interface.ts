import type { EndpointRequest } from "@netkit/engine";
import { cniCodes, CniError } from "./cni-error.ts";
import type { Environment } from "./environment.ts";
import type { Result } from "./result.ts";

/** What a request says of an interface that a plugin before this one has made. */
export type TheirEndpoint = Pick<EndpointRequest, "theirs" | "mac">;

/**
 * The container's interface, if a plugin before this one has made it. The first of the host's that came with it leads there: the
 * reference bridge tells of its bridge first, and others of one end of a pair.
 * @throws CniError 7
 */
export function theirEndpoint(before: Result | undefined, { ifName }: Environment): TheirEndpoint | undefined {
  const interfaces = before?.interfaces ?? [];
  const index = interfaces.findIndex(({ name, sandbox }) => name === ifName && isInside(sandbox));
  const { mac = "" } = interfaces[index] ?? {};
  if (before === undefined || index === -1) return undefined;
  const addresses = before.ips.filter((ip) => (ip.interface ?? index) === index).map(({ address }) => address);
  if (addresses.length === 0) {
    throw new CniError(
      cniCodes.invalidConfiguration,
      `another plugin has made the interface '${ifName}' and given it no address`,
      "Give its configuration an 'ipam', or put netkit first in the list.",
    );
  }
  const link = interfaces.find(({ sandbox }) => !isInside(sandbox))?.name;
  return { theirs: { addresses, ...(link === undefined ? {} : { link }) }, ...(mac === "" ? {} : { mac }) };
}

/** What those before came to, as it is but for the name server. */
export function withNames(before: Result, { dns }: Pick<Result, "dns">): Result {
  return { ...before, dns: { ...before.dns, ...dns } };
}

/** The host's have no sandbox, or an empty one. */
function isInside(sandbox = ""): boolean {
  return sandbox !== "";
}
