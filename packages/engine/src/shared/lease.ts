import { NetkitError, type LeaseId } from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { Again } from "./again.ts";

/** What this host's records are written under: kept by the agent, which renews it. */
export interface LeaseRecord {
  readonly id: LeaseId;
}

/** @throws Again when an agent has to take a lease first */
export async function requireLease(context: Context, draft: Draft): Promise<void> {
  if (!context.shared.isOthers || draft.dryRun || (await draft.has(keys.lease))) return;
  throw new Again(noAgent(), async () => await renewLease(context));
}

/** Has the agent see that there is a lease, and that it lives. @throws NetkitError AGENT_UNAVAILABLE, STORE_UNAVAILABLE */
export async function renewLease({ agent }: Context): Promise<void> {
  if (agent?.share === undefined) throw noAgent();
  await agent.share();
}

function noAgent(): NetkitError {
  return new NetkitError(
    "AGENT_UNAVAILABLE",
    "global networks need an agent on this host, which keeps its lease in the store",
    {
      hint: "Start one: netkit agent",
    },
  );
}
