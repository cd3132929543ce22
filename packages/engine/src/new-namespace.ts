import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { isNetkitError, NetkitError, type Namespace, type NamespaceId, type Sandbox } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import type { EndpointRequest, SandboxRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { endpointsOfNamespace, namespaceOf, sandboxOf } from "./lookup.ts";
import { newId } from "./new-id.ts";
import type { Context } from "./operation.ts";
import { findNetworkHere } from "./shared/unfollowed.ts";
import { keys } from "./state.ts";
import { namespaceName } from "./view.ts";

/** The namespace of a new sandbox that joins no other: its own, an adopted one or the host's. Who is in it already has joined it. */
export async function newNamespace(
  context: Context,
  draft: Draft,
  name: string,
  endpoints: readonly EndpointRequest[],
  request: SandboxRequest,
): Promise<Namespace> {
  const id = newId<NamespaceId>();
  const boot = bootId();
  if (request.netns !== undefined || request.pid !== undefined) return await adopt(context, draft, id, request);
  if (await livesOnHost(context, draft, endpoints)) {
    return { id, owner: "host", path: "/proc/thread-self/ns/net", cookie: "", boot, members: [] };
  }
  // A namespace outlives the sandbox that it is named after when others have joined it.
  const plain = namespaceName(context.instance, name);
  const netnsName = existsSync(join("/run/netns", plain)) ? `${plain}.${id.slice(0, 6)}` : plain;
  return { id, owner: "netkit", path: join("/run/netns", netnsName), name: netnsName, cookie: "", boot, members: [] };
}

async function livesOnHost(context: Context, draft: Draft, endpoints: readonly EndpointRequest[]): Promise<boolean> {
  for (const { network } of endpoints) {
    const { driver } = await findNetworkHere(context, draft, network);
    if ((await context.drivers.find(driver))?.traits.namespace === "host") return true;
  }
  return false;
}

async function adopt(
  context: Context,
  draft: Draft,
  id: NamespaceId,
  { netns, pid, awaited = false }: SandboxRequest,
): Promise<Namespace> {
  if (netns !== undefined && pid !== undefined) {
    throw new NetkitError("ARGUMENT_INVALID", "a namespace is adopted by path or by pid, not by both");
  }
  const place = netns === undefined ? { pid: pid ?? 0 } : { netns };
  const boot = bootId();
  const found = await identify(context, place).catch((error: unknown) => {
    if (awaited && isNetkitError(error) && error.code === "NAMESPACE_NOT_FOUND") return undefined;
    throw error;
  });
  if (found === undefined) return { id, owner: "stranger", path: pathOf(place), cookie: "", boot, members: [] };
  const { path, cookie, isHost } = found;
  if (isHost) {
    throw new NetkitError("NAMESPACE_ADOPTED", `${subjectOf(place)} the host's own namespace`, {
      hint: "Use --network host for that.",
    });
  }
  const adopted = await draft.get<NamespaceId>(keys.cookie(boot, cookie));
  if (adopted !== undefined) {
    const { left, ...known } = await namespaceOf(draft, adopted);
    if (left === true && (await endpointsOfNamespace(draft, adopted)).length === 0) return known;
    const { members } = known;
    const holder = members[0] === undefined ? undefined : await sandboxOf(draft, members[0]);
    throw new NetkitError(
      "NAMESPACE_ADOPTED",
      `${subjectOf(place)} the namespace of sandbox '${holder?.name ?? adopted}'`,
      {
        hint: holder === undefined ? "Remove that sandbox first." : remedyFor(holder),
      },
    );
  }
  draft.put(keys.cookie(boot, cookie), id);
  return { id, owner: "stranger", path, cookie, boot, members: [] };
}

/** A guest is on networks by netkit, which the other engine knows nothing of. */
function remedyFor({ name, guest }: Sandbox): string {
  return guest === true
    ? `Take it off the networks that netkit has connected it to: netkit sandbox rm ${name}`
    : `Join it: --network container:${name}`;
}

/** Where a namespace is that others have made: of a process, or at a path. */
export type Place = { readonly pid: number } | { readonly netns: string };

function pathOf(place: Place): string {
  return "pid" in place ? `/proc/${place.pid}/ns/net` : resolve(place.netns);
}

/** How a sentence about its namespace begins, in the words of whoever named it. */
export function subjectOf(place: Place, name?: string): string {
  if (!("pid" in place)) return `${pathOf(place)} is`;
  return `${name === undefined ? `process ${place.pid}` : `'${name}'`} is in`;
}

/** @throws NetkitError NAMESPACE_NOT_FOUND */
export async function identify(
  context: Context,
  place: Place,
): Promise<{ readonly path: string; readonly cookie: string; readonly isHost: boolean }> {
  const path = pathOf(place);
  const host = await context.host.open();
  try {
    const cookie = host.namespaceCookie(path);
    return { path, cookie, isHost: cookie === host.cookie };
  } catch (cause) {
    throw new NetkitError("NAMESPACE_NOT_FOUND", `${path} is not a network namespace that can be opened`, {
      hint:
        "pid" in place
          ? `Is there a process ${place.pid}?`
          : "'ip netns' lists the named ones; they are under /run/netns.",
      cause,
    });
  }
}
