import { engineOf, NetkitError, type Network, type OtherEngine } from "@netkit/core";
import type { ChangeOptions } from "./api.ts";
import { giveBackClaims } from "./claims.ts";
import { refuseUsedSettings } from "./config-network.ts";
import type { Draft } from "./draft.ts";
import { loansOf, takeBackKept } from "./loans.ts";
import { endpointsOfNetwork, sandboxOf } from "./lookup.ts";
import { forgetJoins } from "./network-joins.ts";
import { ownerOf } from "./networks.ts";
import { listed } from "./listed.ts";
import type { Context } from "./operation.ts";
import { forgetPeers } from "./outside/peers.ts";
import { givePlaceUp } from "./outside/place.ts";
import { removeGlobal } from "./shared/global-networks.ts";
import { keys } from "./state.ts";

/** @throws NetkitError NETWORK_PREDEFINED, NETWORK_IN_USE with the names of who uses it */
export async function removeNetwork(
  context: Context,
  draft: Draft,
  network: Network,
  { onWarning }: ChangeOptions = {},
): Promise<Network> {
  if (network.predefined) {
    throw new NetkitError("NETWORK_PREDEFINED", `network '${network.name}' is predefined and can't be removed`, {
      hint: "These can be removed: netkit network ls --filter type=custom",
    });
  }
  const endpoints = await endpointsOfNetwork(draft, network.id);
  if (endpoints.length > 0) {
    const users = await Promise.all(
      endpoints.map(async (endpoint) => {
        const sandbox = await sandboxOf(draft, endpoint.sandbox);
        return { name: sandbox.name, engine: engineOf(sandbox, endpoint), isOwn: sandbox.guest !== true };
      }),
    );
    const names = users.map(({ name }) => name);
    throw new NetkitError("NETWORK_IN_USE", `network '${network.name}' is in use by ${listed(names)}`, {
      hint: howToFree(network, users),
      details: { network: network.name, sandboxes: names },
    });
  }
  const loans = await loansOf(draft, network);
  if (loans.length > 0) {
    const holders = loans.map(({ holder }) => holder);
    throw new NetkitError("NETWORK_IN_USE", `addresses of network '${network.name}' are lent to ${listed(holders)}`, {
      hint: "Have whoever borrowed them give them back first: containers of CNI when they are removed. Of those that died without: netkit gc",
      details: { network: network.name, holders },
    });
  }
  await refuseUsedSettings(draft, network);
  if (network.scope === "global") await removeGlobal(context, draft, network, onWarning);
  draft.recovery = "finish";
  draft.want(ownerOf(network), []);
  draft.delete(keys.network(network.id));
  draft.delete(keys.networkName(network.name));
  for (const { subnet } of network.subnets) draft.delete(keys.cursor(network.id, subnet));
  await takeBackKept(draft, network);
  await forgetJoins(draft, network);
  await giveBackClaims(draft, network);
  await forgetPeers(draft, network);
  givePlaceUp(context, draft, network, onWarning);
  return network;
}

interface User {
  readonly name: string;
  /** That takes it off the network. */
  readonly engine: OtherEngine | undefined;
  /** netkit has started what runs in it; else it stays when it is disconnected. */
  readonly isOwn: boolean;
}

function howToFree(network: Network, users: readonly User[]): string {
  const engines = [...new Set(users.flatMap(({ engine }) => engine ?? []))];
  const ways = engines.map((engine) => {
    const names = users.filter((user) => user.engine === engine).map(({ name }) => name);
    return engine.remove(names.length > 5 ? [...names.slice(0, 5), "..."] : names);
  });
  const others = users.filter(({ engine }) => engine === undefined);
  const first =
    ways.length === 0
      ? undefined
      : `Containers of other engines are removed, or disconnected, there: ${ways.join("; ")}`;
  return [first, howToFreeOthers(network, others)].filter((part) => part !== undefined).join(". ");
}

function howToFreeOthers({ name }: Network, users: readonly User[]): string | undefined {
  const [first, ...others] = users;
  if (first === undefined) return undefined;
  const disconnect = `netkit network disconnect ${name} ${first.name}`;
  if (others.length === 0) return `Disconnect or remove first: ${disconnect}`;
  const own = users.filter(({ isOwn }) => isOwn).map((each) => each.name);
  if (own.length === 0) return `Disconnect each: ${disconnect}`;
  const all =
    own.length > 5
      ? `see which: netkit sandbox ls --filter network=${name}`
      : `all at once, their processes included: netkit sandbox rm -f ${own.join(" ")}`;
  return `Disconnect each (${disconnect}) or remove them first; ${all}`;
}
