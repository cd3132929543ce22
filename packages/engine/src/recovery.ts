import type { Plan, Store } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import { unfinished } from "./carrying-out.ts";
import { commit } from "./commit.ts";
import { Draft } from "./draft.ts";
import { explained } from "./explained.ts";
import { chooseFirewall } from "./firewall.ts";
import type { Context } from "./operation.ts";
import { inverse, planDraft } from "./planning.ts";
import { withdraw } from "./shared/committing.ts";
import { keys, type JournalEntry, type Owned, type Write } from "./state.ts";

/**
 * Mends what an operation left behind whose process died: takes back what it had begun to make, finishes what it had
 * begun to remove. After a power cut it may have been at its end: then its writes are made again. Call it with the lock
 * held.
 */
export async function recover(context: Context): Promise<JournalEntry | undefined> {
  const entry = (await context.store.get(keys.journal))?.value as JournalEntry | undefined;
  if (entry === undefined) return undefined;
  const closed: Write = { key: keys.journal, value: undefined };
  if (entry.boot !== bootId()) {
    await commit(context.store, [...entry.writes, closed]);
    return entry;
  }
  const { execute, handlers, firewall } = await context.host.open();
  if (entry.firewall !== undefined) firewall.use(entry.firewall);
  for (const [id, path] of Object.entries(entry.namespaces)) context.host.namespaces.set(id, path);
  const finish = entry.recovery === "finish";
  try {
    const plan = await planOf(context.store, entry);
    await execute(finish ? plan : inverse(plan), handlers, { forward: true });
    await withdraw(context, (finish ? entry.shared?.removed : entry.shared?.written) ?? []);
    await commit(context.store, [...(finish ? entry.writes : []), closed]);
  } catch (error) {
    throw unfinished(entry.title, explained(error));
  } finally {
    await chooseFirewall(context);
  }
  return entry;
}

/** The plan follows from what is written at the end: nobody has written since it was made from that. */
async function planOf(store: Store, { writes }: JournalEntry): Promise<Plan> {
  const draft = new Draft(store);
  for (const { key, value } of writes) {
    if (!key.startsWith(keys.owned(""))) continue;
    const owned = value as Owned | undefined;
    const owner = owned?.owner ?? (await draft.get<Owned>(key))?.owner;
    if (owner !== undefined) draft.want(owner, owned?.resources ?? []);
  }
  return (await planDraft(draft)).plan;
}
