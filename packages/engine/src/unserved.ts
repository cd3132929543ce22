import {
  formatRange,
  hasNames,
  isAnotherEngines,
  type Endpoint,
  type Namespace,
  type Network,
  type Owner,
  type Sandbox,
} from "@netkit/core";
import type { Finding } from "./api.ts";
import { isPassedOn } from "./endpoint-ports.ts";
import { listed } from "./listed.ts";
import { everyJoin } from "./network-joins.ts";
import type { Context } from "./operation.ts";
import type { Survey } from "./survey.ts";

/**
 * What an agent alone can serve, while none answers: the names of networks, ports of `[::1]`, places where others have a
 * say, and Docker. An instance without a
 * way to one ({@link NetkitOptions.agent}) can't know.
 * @param over sandboxes that go
 */
export async function findUnserved(
  { agent }: Context,
  reader: Survey,
  over: readonly { readonly sandbox: Sandbox }[],
): Promise<Finding[]> {
  if (agent === undefined) return [];
  const sandboxes = await byId<Sandbox>(reader, "sandbox/");
  for (const { sandbox } of over) sandboxes.delete(sandbox.id);
  const networks = await byId<Network>(reader, "network/");
  const namespaces = await byId<Namespace>(reader, "namespace/");
  const endpoints = (await reader.range<Endpoint>("endpoint/")).map(({ value }) => value);
  const findings = [
    ...unservedNames({ sandboxes, networks, namespaces, endpoints }),
    ...unservedPorts({ sandboxes, networks, endpoints }),
    ...unheldPlaces(networks),
  ];
  const isRemembered = agent.engines?.includes("Docker") === true;
  const usesDocker = isRemembered || endpoints.some(isAnotherEngines) || (await everyJoin(reader)).length > 0;
  if (findings.length === 0 && !usesDocker) return [];
  const isThere = await agent.serves();
  return [
    ...(isThere ? [] : findings),
    ...(usesDocker && !(await agent.serves("Docker")) ? [unservedDocker(isRemembered, isThere)] : []),
  ];
}

/**
 * Tells the agent of all that there is.
 * @param needed one is started if there is none
 * @returns whether one serves what nobody did
 */
export async function serveAgain({ agent, store }: Context, needed: boolean): Promise<boolean> {
  await agent?.changed({ revision: await store.revision(), needed });
  return needed && (await agent?.serves()) === true;
}

interface Present {
  readonly sandboxes: ReadonlyMap<string, Sandbox>;
  readonly networks: ReadonlyMap<string, Network>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly endpoints: readonly Endpoint[];
}

/** One finding for each network. A namespace has names if the sandbox that it was made for has. */
function unservedNames({ sandboxes, networks, namespaces, endpoints }: Present): Finding[] {
  const byNetwork = Map.groupBy(endpoints, ({ network }) => network as string);
  return [...networks.values()].filter(hasNames).flatMap(({ id, name }) => {
    const affected = (byNetwork.get(id) ?? []).flatMap(({ namespace }) => {
      const { owner, members = [] } = namespaces.get(namespace) ?? {};
      const named = owner !== "host" && sandboxes.get(members[0] ?? "")?.names === true;
      return named ? members.flatMap((member) => sandboxes.get(member)?.name ?? []) : [];
    });
    if (affected.length === 0) return [];
    const where = listed(affected.toSorted());
    return [unserved({ type: "network", id, name }, `names of network '${name}' aren't served in ${where}`)];
  });
}

function unservedPorts({ sandboxes, networks, endpoints }: Omit<Present, "namespaces">): Finding[] {
  return endpoints.flatMap(({ id, sandbox, network, ports }) => {
    const name = sandboxes.get(sandbox)?.name;
    const passedOn = ports.filter(isPassedOn);
    if (name === undefined || passedOn.length === 0) return [];
    const which = passedOn.map(({ hostPort, protocol }) => `[::1]:${formatRange(hostPort)}/${protocol}`).join(", ");
    const owner: Owner = { type: "endpoint", id, name: `${name}@${networks.get(network)?.name ?? network}` };
    return [unserved(owner, `port ${which} of endpoint ${owner.name} isn't served`)];
  });
}

/** Of networks that others have a say in. */
function unheldPlaces(networks: ReadonlyMap<string, Network>): Finding[] {
  return [...networks.values()].flatMap(({ id, name, facts }) => {
    if (facts.place === undefined) return [];
    return [
      unserved({ type: "network", id, name }, `network '${name}' doesn't hold its place, nor follow who else is there`),
    ];
  });
}

/**
 * @param isRemembered whether any agent serves it that is started from now on
 * @param isThere whether one runs, which doesn't
 */
function unservedDocker(isRemembered: boolean, isThere: boolean): Finding {
  const why = isThere ? "the agent that runs was started without" : "no agent answers";
  const start = isRemembered ? "the next one serves it" : "start one that does: netkit agent --docker";
  const hint = isThere
    ? `End it (netkit agent stop), and ${start}`
    : `It is by an agent that is started so: netkit agent --docker`;
  return {
    problem: "unserved",
    object: "Docker",
    message: `Docker isn't served, and can't start a container on a network of netkit's: ${why}`,
    ...(isRemembered && !isThere ? {} : { hint }),
    repairable: isRemembered && !isThere,
  };
}

function unserved(owner: Owner, what: string): Finding {
  const object = `${owner.type} ${owner.name}`;
  return { problem: "unserved", object, owner, message: `${what}: no agent answers`, repairable: true };
}

async function byId<T extends { readonly id: string }>(reader: Survey, prefix: string): Promise<Map<string, T>> {
  return new Map((await reader.range<T>(prefix)).map(({ value }) => [value.id, value]));
}
