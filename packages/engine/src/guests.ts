import {
  engineOf,
  hasNames,
  isConnectedByEngine,
  isNetkitError,
  NetkitError,
  parseName,
  type Endpoint,
  type NamespaceId,
  type Namespace,
  type Sandbox,
  type SandboxProcess,
} from "@netkit/core";
import { bootId, isAlive, processStartTime } from "@netkit/sandbox";
import type { ChangeOptions, EndpointRequest, GuestRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { connect, disconnect } from "./endpoints.ts";
import { endpointsOfNamespace, findNetwork, namespaceOf, sandboxOf, type Reader } from "./lookup.ts";
import { knownThere } from "./network-joins.ts";
import { identify, subjectOf, type Place } from "./new-namespace.ts";
import type { Context } from "./operation.ts";
import { openSandbox, removeSandbox } from "./sandboxes.ts";
import { findNetworkHere } from "./shared/unfollowed.ts";
import { keys } from "./state.ts";

/** Connects what runs in a namespace of its own already: the sandbox that it has, or one that is made for it. */
export async function join(
  context: Context,
  draft: Draft,
  guest: GuestRequest,
  request: EndpointRequest,
): Promise<Endpoint> {
  const { name, place, labels = {} } = guest;
  const { holder, process } = await holderAt(context, draft, place, name);
  if (holder !== undefined) {
    await refuseEngines(draft, holder, request);
    const further = holder.guest === true ? await furtherNames(context, draft, guest, holder.name, request) : [];
    return await connect(context, draft, holder, withAliases(request, further));
  }
  const free = await freeName(draft, parseName("sandbox", name));
  const networks = [withAliases(request, await furtherNames(context, draft, guest, free, request))];
  const sandbox = await openSandbox(context, draft, { ...place, name: free, labels, networks, guest: true });
  if (process !== undefined) {
    draft.put(keys.sandbox(sandbox.id), { ...sandbox, process, autoRemove: true } satisfies Sandbox);
    draft.put(keys.reap(sandbox.id), 1);
  }
  // It sees when the process, or the namespace, is gone.
  draft.needsAgent = context.agent !== undefined;
  const [endpoint] = await endpointsOfNamespace(draft, sandbox.namespace);
  if (endpoint === undefined) throw new NetkitError("INTERNAL", `guest '${free}' has no endpoint`);
  return endpoint;
}

/** Whoever made the namespace has to bring its loopback up, at whose addresses the agent answers. */
export async function warnOfLoopback(
  context: Context,
  { name, place }: GuestRequest,
  { onWarning, dryRun }: ChangeOptions,
): Promise<void> {
  if (onWarning === undefined || dryRun === true) return;
  const found = await identify(context, place).catch((error: unknown) => {
    // It has ended meanwhile.
    if (!isNetkitError(error) || error.code !== "NAMESPACE_NOT_FOUND") throw error;
  });
  if (found === undefined) return;
  const { path } = found;
  if ((await context.host.open()).look(path).reachesItself) return;
  onWarning(
    new NetkitError("UNSUPPORTED", `the loopback interface of '${name}' is down: it finds nobody by name, nor itself`, {
      hint: `Bring it up there: nsenter --net=${path} ip link set lo up`,
      details: { path },
    }),
  );
}

/** Disconnects a sandbox; a guest goes with its last endpoint. */
export async function leave(context: Context, draft: Draft, sandbox: Sandbox, network: string): Promise<Endpoint> {
  const endpoint = await disconnect(context, draft, sandbox, network);
  // As a container does that its engine connects, and was told nothing of this.
  const isTheirs = sandbox.guest === true || isConnectedByEngine(endpoint);
  if (isTheirs && (await endpointsOfNamespace(draft, sandbox.namespace)).length === 0)
    await removeSandbox(context, draft, sandbox);
  return endpoint;
}

/** What is at a place. */
interface Found {
  /** The sandbox of the namespace, if there is one. */
  readonly holder: Sandbox | undefined;
  readonly path: string;
  /** That of the place, if it is one's. */
  readonly process: SandboxProcess | undefined;
}

/**
 * @param name what it is called
 * @throws NetkitError NAMESPACE_NOT_FOUND; NAMESPACE_ADOPTED: it is the host's
 */
export async function holderAt(context: Context, reader: Reader, place: Place, name?: string): Promise<Found> {
  const process = "pid" in place ? processOf(place.pid) : undefined;
  const { path, cookie, isHost } = await identify(context, place);
  // Another one may have its number by now.
  if (process !== undefined && !isAlive(process)) throw processGone(process.pid);
  if (isHost) {
    throw new NetkitError("NAMESPACE_ADOPTED", `${subjectOf(place, name)} the host's own namespace`, {
      hint: "What runs there has the host's interfaces, and reaches the networks that the host reaches.",
    });
  }
  const known = await reader.get<NamespaceId>(keys.cookie(bootId(), cookie));
  const namespace = known === undefined ? await awaitedWith(context, reader, cookie) : await namespaceOf(reader, known);
  const [first] = namespace?.members ?? [];
  return { holder: first === undefined ? undefined : await sandboxOf(reader, first), path, process };
}

/** One that was told of before it was there is known by its path alone. */
async function awaitedWith(context: Context, reader: Reader, cookie: string): Promise<Namespace | undefined> {
  const all = await reader.range<Namespace>("namespace/");
  for (const { value } of all) {
    if (value.owner !== "stranger" || value.cookie !== "" || value.boot !== bootId()) continue;
    const found = await identify(context, { netns: value.path }).catch(() => undefined);
    if (found?.cookie === cookie) return value;
  }
  return undefined;
}

/**
 * Of a sandbox that another engine connects only that engine connects it.
 * @throws NetkitError NAMESPACE_ADOPTED: it would leave behind what it doesn't know of
 */
export async function refuseEngines(draft: Draft, sandbox: Sandbox, request: EndpointRequest): Promise<void> {
  if (isConnectedByEngine(request)) return;
  const endpoints = await endpointsOfNamespace(draft, sandbox.namespace);
  const [engine] = endpoints.flatMap((endpoint) => engineOf(sandbox, endpoint) ?? []);
  if (engine === undefined) return;
  const { name } = sandbox;
  const found = await findNetwork(draft, request.network);
  const { name: wanted, predefined } = found;
  const networks = engine.namesOf(await knownThere(draft, found));
  const connect = engine.connect(networks, name, predefined ? "NETWORK" : wanted);
  throw new NetkitError(
    "NAMESPACE_ADOPTED",
    `that is sandbox '${name}', which ${engine.name} connects to netkit's networks`,
    {
      hint: endpoints.some(({ network }) => network === found.id)
        ? `It is on '${wanted}' already. To take it off: ${engine.disconnect(networks, name)}`
        : predefined && networks.length === 0
          ? `No engine joins the predefined '${wanted}'. Make a network (netkit network create NETWORK), and have that engine connect it: ${connect}`
          : `Have it do that: ${connect}`,
      details: { sandbox: name },
    },
  );
}

/** Beside the name that its sandbox has; predefined networks have names of sandboxes alone. */
async function furtherNames(
  context: Context,
  draft: Draft,
  { name, aliases = [] }: GuestRequest,
  sandbox: string,
  { network }: EndpointRequest,
): Promise<readonly string[]> {
  const found = await findNetworkHere(context, draft, network);
  return hasNames(found) ? [name, ...aliases].filter((one) => one !== sandbox) : [];
}

function withAliases(request: EndpointRequest, further: readonly string[]): EndpointRequest {
  const aliases = [...new Set([...(request.aliases ?? []), ...further])];
  return aliases.length === 0 ? request : { ...request, aliases };
}

async function freeName(draft: Draft, name: string): Promise<string> {
  for (let number = 2, tried = name; ; number++) {
    if (!(await draft.has(keys.sandboxName(tried)))) return tried;
    tried = `${name}-${number}`;
  }
}

function processOf(pid: number): SandboxProcess {
  const startTime = processStartTime(pid);
  if (startTime === undefined) throw processGone(pid);
  return { pid, startTime, boot: bootId(), command: [] };
}

function processGone(pid: number): NetkitError {
  return new NetkitError("NAMESPACE_NOT_FOUND", `there is no process ${pid}`, {
    hint: "Give the number of one that runs, as the host sees it: 'pgrep -a NAME' finds it.",
    details: { pid },
  });
}
