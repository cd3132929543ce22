import {
  engineOf,
  isAnotherEngines,
  isConnectedByEngine,
  NetkitError,
  parseIp,
  parseName,
  parseNamespaceSysctls,
  secondResolverAddress,
  type Endpoint,
  type Family,
  type Namespace,
  type Sandbox,
  type SandboxId,
} from "@netkit/core";
import { parseHostname } from "@netkit/sandbox";
import type { EndpointRequest, SandboxRequest } from "./api.ts";
import { attachedTo } from "./attached.ts";
import type { Draft } from "./draft.ts";
import { joinedSandbox } from "./joining.ts";
import { newId } from "./new-id.ts";
import { newNamespace } from "./new-namespace.ts";
import { connect, detach } from "./endpoints.ts";
import { endpointsOfNamespace, findSandbox, namespaceOf, networkOf, sandboxOf } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { ownerOfNamespace, refreshFiles, wantNamespace } from "./sandbox-files.ts";
import { randomName } from "./random-name.ts";
import { moveDefaultRoutes } from "./route-moves.ts";
import { findNetworkHere } from "./shared/unfollowed.ts";
import { keys } from "./state.ts";
import { locate } from "./whereabouts.ts";

/** A new sandbox in a namespace of its own, an adopted one, the host's or another sandbox's, connected to its networks. */
export async function openSandbox(
  context: Context,
  draft: Draft,
  request: SandboxRequest & { readonly guest?: true },
): Promise<Sandbox> {
  const name = request.name === undefined ? await freeName(draft) : parseName("sandbox", request.name);
  if (await draft.has(keys.sandboxName(name))) {
    throw await nameTaken(draft, name);
  }
  const endpoints = (request.networks ?? []).map((network): EndpointRequest =>
    typeof network === "string" ? { network } : network,
  );
  const id = newId<SandboxId>();
  const holder = await joinedSandbox(context, draft, endpoints, request);
  const joined = holder === undefined ? undefined : await namespaceOf(draft, holder.namespace);
  if (joined === undefined) await refuseMixedRequest(context, draft, endpoints);
  const namespace = joined ?? (await newNamespace(context, draft, name, endpoints, request));
  // Another engine, or who was there before, has files and a name server of its own inside.
  const isOthers = request.guest === true || (namespace.owner === "stranger" && endpoints.some(isAnotherEngines));
  const sandbox: Sandbox = {
    id,
    name,
    created: new Date().toISOString(),
    labels: request.labels ?? {},
    namespace: namespace.id,
    ...(holder === undefined ? surroundingsOf(request, name) : sharedWith(holder)),
    ...sysctlsOf(request, namespace),
    names: context.agent !== undefined && !isOthers,
    ...(context.agent !== undefined && isOthers ? { resolver: secondResolverAddress } : {}),
    autoRemove: request.autoRemove ?? false,
    ...(request.guest === true ? { guest: true } : {}),
  };
  draft.put(keys.sandbox(id), sandbox);
  draft.put(keys.sandboxName(name), id);
  const members = joined === undefined ? [id, ...namespace.members] : [...namespace.members, id];
  draft.put(keys.namespace(namespace.id), { ...namespace, members });
  draft.namespaces.set(namespace.id, namespace.path);
  if (joined !== undefined) return sandbox;

  if (!isOthers) wantNamespace(context, draft, namespace, sandbox);
  if (namespace.name !== undefined) {
    // The kernel gives the cookie out with the namespace.
    draft.afterwards((cookieOf) => {
      const cookie = cookieOf(namespace.path);
      const written = draft.written<Namespace>(keys.namespace(namespace.id));
      return [
        { key: keys.namespace(namespace.id), value: { ...namespace, ...written, cookie } },
        { key: keys.cookie(namespace.boot, cookie), value: namespace.id },
      ];
    });
  }
  for (const endpoint of endpoints) await connect(context, draft, sandbox, endpoint);
  return sandbox;
}

async function nameTaken(draft: Draft, name: string): Promise<NetkitError> {
  const holder = await findSandbox(draft, name);
  const endpoints = await endpointsOfNamespace(draft, holder.namespace);
  const [engine] = endpoints.flatMap((endpoint) => engineOf(holder, endpoint) ?? []);
  const removal =
    engine === undefined
      ? `remove it first, its process included: netkit sandbox rm -f ${name}`
      : `end that container there: ${engine.remove([name])}`;
  return new NetkitError("NAME_TAKEN", `sandbox '${name}' exists already`, {
    hint: `Choose another name, or ${removal}`,
  });
}

type Surroundings = Pick<Sandbox, "hostname" | "domainname" | "dns" | "hosts">;

function surroundingsOf({ hostname, domainname, dns, hosts = [] }: SandboxRequest, name: string): Surroundings {
  return {
    hostname: hostname === undefined ? hostnameFor(name) : parseHostname(hostname),
    ...(domainname === undefined ? {} : { domainname: parseHostname(domainname, "domainname") }),
    dns: {
      servers: (dns?.servers ?? []).map(parseIp),
      search: dns?.search ?? [],
      options: dns?.options ?? [],
    },
    hosts: hosts.map(({ address, name: host }) => ({
      address: address === "host-gateway" ? address : parseIp(address),
      name: host,
    })),
  };
}

/** Of a namespace that goes with its sandbox: in any other one they would stay. */
function sysctlsOf({ sysctls = {} }: SandboxRequest, { owner, path }: Namespace): Pick<Sandbox, "sysctls"> {
  const names = Object.keys(sysctls);
  if (names.length === 0) return {};
  if (owner !== "netkit") {
    const where = owner === "host" ? "the host" : `the namespace ${path}`;
    throw new NetkitError("UNSUPPORTED", `${names.join(", ")} would stay set on ${where}, which isn't netkit's`, {
      hint: "Set it there with sysctl, or make a sandbox with a namespace of its own.",
      details: { sysctls },
    });
  }
  return { sysctls: parseNamespaceSysctls(sysctls) };
}

/** A joined sandbox goes on with the files of the namespace when its holder is gone. */
function sharedWith({ hostname, domainname, dns, hosts }: Sandbox): Surroundings {
  return { hostname, ...(domainname === undefined ? {} : { domainname }), dns, hosts };
}

/** @throws NetkitError SANDBOX_IN_USE when its process lives */
export async function removeSandbox(context: Context, draft: Draft, sandbox: Sandbox): Promise<Sandbox> {
  const namespace = await namespaceOf(draft, sandbox.namespace);
  draft.recovery = "finish";
  draft.delete(keys.sandbox(sandbox.id));
  draft.delete(keys.sandboxName(sandbox.name));
  draft.delete(keys.reap(sandbox.id));
  // That of a guest whose process has ended may live on, in others.
  const path = sandbox.guest === true ? locate(namespace) : undefined;
  draft.namespaces.set(namespace.id, path ?? namespace.path);
  const members = namespace.members.filter((member) => member !== sandbox.id);
  if (members.length > 0) {
    const heir = members[0] === undefined ? undefined : await sandboxOf(draft, members[0]);
    if (heir === undefined) return sandbox;
    const routes: Family[] = [];
    const endpoints = await endpointsOfNamespace(draft, namespace.id);
    for (const endpoint of endpoints) {
      if (endpoint.sandbox !== sandbox.id) continue;
      // An engine's own interface goes with its container, whoever is left there.
      if (isConnectedByEngine(endpoint)) {
        await detach(draft, endpoint, await networkOf(draft, endpoint.network));
        routes.push(...endpoint.defaultRoute);
      } else draft.put(keys.endpoint(endpoint.id), { ...endpoint, sandbox: heir.id } satisfies Endpoint);
    }
    const isLeft = endpoints.length > 0 && endpoints.every(isConnectedByEngine);
    const left: Namespace = { ...namespace, members, ...(isLeft ? { left: true } : {}) };
    draft.put(keys.namespace(namespace.id), left);
    await moveDefaultRoutes(context, draft, await attachedTo(draft, left), routes);
    await refreshFiles(context, draft, heir, left);
    return sandbox;
  }
  for (const endpoint of await endpointsOfNamespace(draft, namespace.id)) {
    await detach(draft, endpoint, await networkOf(draft, endpoint.network));
  }
  draft.want(ownerOfNamespace(namespace, sandbox), []);
  draft.delete(keys.namespace(namespace.id));
  if (namespace.cookie !== "") draft.delete(keys.cookie(namespace.boot, namespace.cookie));
  return sandbox;
}

/** What no sandbox could have: a network twice, or others beside one that goes alone. */
async function refuseMixedRequest(
  context: Context,
  draft: Draft,
  endpoints: readonly EndpointRequest[],
): Promise<void> {
  if (endpoints.length < 2) return;
  const networks = await Promise.all(
    endpoints.map(async ({ network }) => await findNetworkHere(context, draft, network)),
  );
  for (const [index, network] of networks.entries()) {
    if (networks.findIndex(({ id }) => id === network.id) < index) {
      throw new NetkitError("ARGUMENT_INVALID", `network '${network.name}' is asked for twice`, {
        hint: "Name each network once.",
      });
    }
    const other = networks.find(({ id }) => id !== network.id);
    if (other === undefined || !(await context.drivers.of(network)).traits.exclusive) continue;
    throw new NetkitError(
      "UNSUPPORTED",
      `network '${network.name}' goes with no other one, and '${other.name}' is asked for too`,
      { hint: "Leave one of them out." },
    );
  }
}

async function freeName(draft: Draft): Promise<string> {
  for (;;) {
    const name = randomName();
    if (!(await draft.has(keys.sandboxName(name)))) return name;
  }
}

/** A sandbox's name as a hostname (sethostname(2): 64 bytes). */
function hostnameFor(name: string): string {
  return parseHostname(name.slice(0, 64).replace(/[_.-]+$/, ""));
}
