import { familyOf, NetkitError, stableJson, type HostId, type Network } from "@netkit/core";
import type { SharedOptions } from "../api.ts";
import type { Draft } from "../draft.ts";
import { newId } from "../new-id.ts";
import { planNetwork } from "../networks.ts";
import { operate, type Context } from "../operation.ts";
import { keys } from "../state.ts";
import { describeHost, type LocalHost } from "./this-host.ts";

/**
 * This host as its settings and its link have it now. Where it has networks already their tunnels end at the new address from then
 * on, and their MTU stays; what
 * others know of it is written by whoever compares that next.
 * @param known as it was when this was last asked for
 * @param complain told that its networks have their tunnels where they were
 * @throws NetkitError LINK_NOT_FOUND, ARGUMENT_INVALID: the host hasn't what it is to advertise
 */
export async function refreshThisHost(
  context: Context,
  known: LocalHost | undefined,
  complain: (error: NetkitError) => void,
  options: SharedOptions = context.shared.options,
): Promise<LocalHost> {
  if (known !== undefined && stableJson(await asOfNow(context, known, options)) === stableJson(known)) return known;
  return await operate(context, "look at this host", async (draft) => {
    const before = await draft.get<LocalHost>(keys.self);
    const now = await asOfNow(context, before, options);
    if (before === undefined) {
      draft.put(keys.self, now);
      return now;
    }
    if (stableJson(now) === stableJson(before)) return before;
    const networks = (await draft.range<Network>("network/")).map(({ value }) => value);
    const here = networks.filter(({ share }) => share?.host !== undefined);
    // Others reach this host by one family.
    if (here.length > 0 && familyOf(now.vtep) !== familyOf(before.vtep)) {
      complain(stays(before, now));
      return before;
    }
    if (now.vtep !== before.vtep) for (const network of here) await move(context, draft, network, now);
    draft.put(keys.self, now);
    return now;
  });
}

/** An address that it has still is as good as another one of the link, as long as that is what it is to advertise. */
async function asOfNow(
  { host, shared: { isOthers, file } }: Context,
  known: LocalHost | undefined,
  options: SharedOptions,
): Promise<LocalHost> {
  const preferred = known?.advertise === options.advertise ? known?.vtep : undefined;
  return describeHost(await host.open(), { options, isOthers, file }, known?.id ?? newId<HostId>(), preferred);
}

async function move(context: Context, draft: Draft, network: Network, { vtep }: LocalHost): Promise<void> {
  const { share } = network;
  if (share?.host === undefined) return;
  const driver = await context.drivers.of(network);
  const moved: Network = { ...network, share: { ...share, host: { ...share.host, vtep } } };
  planNetwork(context, draft, driver, moved);
}

function stays(before: LocalHost, now: LocalHost): NetkitError {
  return new NetkitError(
    "AGENT_DEGRADED",
    `other hosts reach this one's networks by ${before.vtep}, though it is to be reached by ${now.vtep}, which is of the other family`,
    {
      hint: "Disconnect all sandboxes here from networks that hosts share, and connect them again: then that counts.",
      details: { before: before.vtep, now: now.vtep },
    },
  );
}
