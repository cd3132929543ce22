import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { NetkitError, type Namespace, type NamespaceId } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import type { EndpointRequest, SandboxRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { namespaceOf, sandboxOf } from "./lookup.ts";
import { newId } from "./new-id.ts";
import type { Context } from "./operation.ts";
import { findNetworkHere } from "./shared/unfollowed.ts";
import { keys } from "./state.ts";
import { namespaceName } from "./view.ts";

/** The namespace of a new sandbox that joins no other: its own, an adopted one or the host's. */
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
  const path = netns === undefined ? `/proc/${pid}/ns/net` : resolve(netns);
  const host = await context.host.open();
  const boot = bootId();
  let cookie: string;
  try {
    cookie = host.namespaceCookie(path);
  } catch (cause) {
    if (awaited) return { id, owner: "stranger", path, cookie: "", boot, members: [] };
    throw new NetkitError("NAMESPACE_NOT_FOUND", `${path} is not a network namespace that can be opened`, {
      hint:
        netns === undefined
          ? `Is there a process ${pid}?`
          : "'ip netns' lists the named ones; they are under /run/netns.",
      cause,
    });
  }
  if (cookie === host.cookie) {
    throw new NetkitError("NAMESPACE_ADOPTED", `${path} is the host's own namespace`, {
      hint: "Use --network host for that.",
    });
  }
  const adopted = await draft.get<NamespaceId>(keys.cookie(boot, cookie));
  if (adopted !== undefined) {
    const { members } = await namespaceOf(draft, adopted);
    const holder = members[0] === undefined ? undefined : await sandboxOf(draft, members[0]);
    throw new NetkitError("NAMESPACE_ADOPTED", `${path} is the namespace of sandbox '${holder?.name ?? adopted}'`, {
      hint: holder === undefined ? "Remove that sandbox first." : `Join it: --network container:${holder.name}`,
    });
  }
  draft.put(keys.cookie(boot, cookie), id);
  return { id, owner: "stranger", path, cookie, boot, members: [] };
}
