import { keyOf, type Change, type Plan } from "@netkit/core";
import type { Firewall, FirewallKind } from "@netkit/netfilter";
import type { Finding } from "./api.ts";
import { commit } from "./commit.ts";
import { everythingHeld, readerOf, type Reader } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { order } from "./planning.ts";
import { keys, type Write } from "./state.ts";

/** What the firewall resources of a root were applied with. */
export interface FirewallRecord {
  readonly backend: FirewallKind;
  /** What may still hold some of them: a change to `backend` that hasn't come to its end. */
  readonly leaving: readonly FirewallKind[];
}

/**
 * Has the handler use what was asked for; with `auto` that is what this root has used last, if it is still installed, so
 * that a command without the option doesn't change it back.
 * @param reader has read the record already, perhaps
 */
export async function chooseFirewall(
  context: Context,
  reader: Pick<Reader, "get"> = readerOf(context.store),
): Promise<FirewallRecord | undefined> {
  const record = await reader.get<FirewallRecord>(keys.firewall);
  (await context.host.open()).firewall.use(context.host.firewall, record?.backend);
  return record;
}

/** That the firewall has to change from one backend to another; undefined when it hasn't. */
export function findSwitch(context: Context, record: FirewallRecord | undefined): Finding | undefined {
  const { firewall } = context.host;
  if (record === undefined) return undefined;
  const { backend, leaving } = record;
  const asked = firewall === "auto" ? backend : firewall;
  if (asked === backend && leaving.length === 0) return undefined;
  const before = asked === backend ? leaving.join(" and ") : backend;
  return {
    problem: "different",
    object: "firewall",
    message: `the firewall was set up with ${before} and is to be ${asked}`,
    repairable: true,
  };
}

/**
 * Moves the firewall resources of a root to the backend in use, when they were applied with another: first all are made
 * anew, then everything of the other goes, so that published ports work throughout. Call it with the lock held.
 * @param concerned firewall resources are about to be applied
 * @returns what the operation has to write with its own
 * @throws NetkitError TOOL_MISSING, FIREWALL: nothing was changed, or it goes on with the next change
 */
export async function settle(context: Context, concerned: boolean, reader?: Pick<Reader, "get">): Promise<Write[]> {
  const { store } = context;
  const record = await chooseFirewall(context, reader);
  if (!concerned && findSwitch(context, record) === undefined) return [];
  const { firewall } = await context.host.open();
  const backend = firewall.kind();
  if (record === undefined) return [{ key: keys.firewall, value: { backend, leaving: [] } satisfies FirewallRecord }];
  if (record.backend === backend && record.leaving.length === 0) return [];
  const write = async (value: FirewallRecord): Promise<void> =>
    void (await commit(store, [{ key: keys.firewall, value }], false));
  const used = new Set([...record.leaving, record.backend]);
  await write({ backend, leaving: [...used].filter((kind) => kind !== backend) });
  try {
    await makeMissing(context);
  } catch (error) {
    await write({ backend: record.backend, leaving: [...used, backend].filter((kind) => kind !== record.backend) });
    throw error;
  }
  for (const kind of used) if (kind !== backend) await firewall.clear(kind);
  await write({ backend, leaving: [] });
  return [];
}

/**
 * Makes the firewall resources of everything else anew where a plan that was just carried out has found none of them: somebody
 * has flushed all rules, and networks wouldn't be apart. Call it with the lock held.
 */
export async function makeFlushedAnew(context: Context, plan: Plan): Promise<void> {
  const { firewall } = await context.host.open();
  if (firewall.foundNothing()) await makeMissing(context, plan);
}

/** @param plan what was just carried out: of that the store knows as yet what was there before */
export async function makeMissing(context: Context, plan: Plan = []): Promise<void> {
  const { firewall, execute } = await context.host.open();
  const own = new Set(plan.map(({ key }) => key));
  const lost = (await missing(context, firewall)).filter(({ key }) => !own.has(key));
  if (lost.length > 0) await execute(order(lost), [firewall]);
}

async function missing(context: Context, firewall: Firewall): Promise<Change[]> {
  const held = await everythingHeld(readerOf(context.store));
  const own = [...held.values()].filter(
    ({ resource }) => firewall.kinds.has(resource.kind) && resource.ensure !== "exists",
  );
  const readings = await firewall.read(own.map(({ resource }) => resource));
  return own.flatMap(({ resource, owner }, index): Change[] => {
    const key = keyOf(resource);
    switch (readings[index]?.state) {
      case "missing":
        return [{ op: "create", key, resource, owner }];
      case "different":
        return [{ op: "replace", key, resource, previous: resource, owner }];
      default:
        return [];
    }
  });
}
