import { NetkitError, parseLinkName, type Sandbox } from "@netkit/core";
import type { EndpointRequest } from "./api.ts";

/** What is in the namespace already. */
interface Present {
  /** Links that others have made. */
  readonly links: readonly string[];
  /** Interfaces of the namespace's other endpoints. */
  readonly interfaces: readonly string[];
}

/**
 * What an endpoint's interface is called in the sandbox.
 * @param wanted what was asked for; undefined: it is made up
 * @throws NetkitError LINK_TAKEN, LINK_NOT_FOUND, NAME_INVALID
 */
export function interfaceName(
  sandbox: Sandbox,
  { theirs, ifPrefix }: EndpointRequest,
  wanted: string | undefined,
  { links, interfaces }: Present,
): string {
  if (theirs !== undefined) return requireInterface(sandbox, wanted, links);
  const taken = new Set(["lo", ...links, ...interfaces]);
  if (wanted !== undefined) {
    const name = parseLinkName(wanted);
    if (!taken.has(name)) return name;
    throw new NetkitError("LINK_TAKEN", `the sandbox already has an interface '${name}'`, {
      hint: "Choose another name for it, or leave it out.",
    });
  }
  // An engine counts its own eth0, eth1, ... in what is a guest here, and looks at no others.
  const prefix = ifPrefix ?? (sandbox.guest === true ? "nk" : "eth");
  let number = 0;
  while (taken.has(`${prefix}${number}`)) number++;
  return parseLinkName(`${prefix}${number}`);
}

function requireInterface({ name }: Sandbox, ifName: string | undefined, links: readonly string[]): string {
  if (ifName !== undefined && links.includes(ifName)) return ifName;
  throw new NetkitError("LINK_NOT_FOUND", `sandbox '${name}' has no interface '${ifName ?? ""}' of another engine`, {
    hint: "That engine makes it first.",
  });
}
