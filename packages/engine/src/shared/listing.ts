import type { Network, RemoteEndpoint, SharedHost } from "@netkit/core";
import type { HostDetails } from "../api.ts";
import { readerOf, type Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { departedHosts } from "./departed.ts";
import type { LocalHost } from "./this-host.ts";

/** The hosts that share networks as this one knows them, this one first; those that have gone last, for a while. */
export async function listHosts({ store, shared, agent }: Context): Promise<HostDetails[]> {
  const reader = readerOf(store);
  const self = await reader.get<LocalHost>(keys.self);
  if (self === undefined) return [];
  const remotes = (await reader.range<RemoteEndpoint>("remote/")).map(({ value }) => value);
  const others = (await reader.range<SharedHost>(keys.host(""))).map(({ value }): HostDetails => {
    const own = remotes.filter(({ host, sandbox }) => host === value.id && sandbox !== undefined);
    return { ...value, isThis: false, state: shared.file === undefined ? "up" : "listed", endpoints: own.length };
  });
  const departed = shared.file === undefined ? await departedHosts(reader) : [];
  const gone = departed.map((host): HostDetails => ({
    ...host,
    isThis: false,
    state: "down",
    endpoints: 0,
  }));
  const { id, name, vtep, mtu } = self;
  const away = shared.isOthers ? (await agent?.sharing?.())?.away : undefined;
  const hasLease = async (): Promise<boolean> => {
    if ((await reader.get(keys.lease)) === undefined) return false;
    if (agent === undefined) return true;
    return agent.sharing === undefined ? await agent.serves() : (await agent.sharing())?.holdsLease === true;
  };
  const isUp = !shared.isOthers || (await hasLease());
  const standing: Pick<HostDetails, "state" | "since"> = isUp
    ? { state: "up" }
    : { state: "down", ...(away === undefined ? {} : { since: away.since }) };
  const endpoints = await countOwn(reader);
  return [{ id, name, vtep, mtu, isThis: true, ...standing, endpoints }, ...others, ...gone];
}

async function countOwn(reader: Reader): Promise<number> {
  const networks = (await reader.range<Network>("network/")).map(({ value }) => value);
  const counts = networks.map(async ({ id, scope }) =>
    scope === "global" ? (await reader.range(keys.attached(id, ""))).length : 0,
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
