import { isNetkitError, type Change, type Network, type Sandbox } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import type { ChangeOptions, Finding, Report } from "./api.ts";
import { commit } from "./commit.ts";
import { consistently } from "./consistently.ts";
import { examine, examineSandboxes, hasEnded, removeFound, type Examination, type SandboxFinding } from "./doctor.ts";
import { explained } from "./explained.ts";
import { chooseFirewall, findSwitch, makeMissing, settle } from "./firewall.ts";
import { findForeign } from "./foreign.ts";
import { isLocked } from "./lock.ts";
import { takeBackAll, takeBackUnclaimed, unclaimedAddresses } from "./loans.ts";
import { readerOf, type Reader } from "./lookup.ts";
import { operate, previewOf, requireChanging, requireRoot, type Context } from "./operation.ts";
import { overlaps } from "./overlaps.ts";
import { order } from "./planning.ts";
import { recover } from "./recovery.ts";
import { keys } from "./state.ts";
import { findUnshared } from "./shared/unshared.ts";
import { Survey } from "./survey.ts";
import { findUnserved, serveAgain } from "./unserved.ts";

/**
 * What every opening looks after: an operation that died, sandboxes that were to go with their process, and a boot
 * since the last command (networks come back, sandboxes are gone with their namespaces). Costs three look-ups when
 * there is nothing to do.
 */
export async function catchUp(context: Context): Promise<void> {
  const { store } = context;
  const boot = bootId();
  const known = (await store.get(keys.boot))?.value;
  if (known === undefined)
    await store.commit({ checks: [{ key: keys.boot, revision: 0 }], writes: [{ key: keys.boot, value: boot }] });
  if (process.geteuid?.() !== 0) return;
  // What can't be mended now is told by the next change; it must not stand in the way of looking.
  if ((await store.get(keys.journal)) !== undefined && !(await recoverUnlessBusy(context))) return;
  if (known !== undefined && known !== boot) {
    let gone: readonly SandboxFinding[] = [];
    await operate(context, "remove the sandboxes of the last boot", async (draft) => {
      // Whoever came first has done it, and what is lent by now is of this boot.
      if ((await draft.get(keys.boot)) === boot) return;
      gone = await examineSandboxes(context, new Survey(store));
      await removeFound(context, draft, gone);
      await takeBackAll(draft);
    });
    await repair(context, {}, gone);
    const revision = await commit(store, [{ key: keys.boot, value: boot }]);
    const networks = await readerOf(store).range<Network>("network/");
    // Their places are held by an agent, and none has lived through the boot.
    const needed = networks.some(({ value }) => value.facts.place !== undefined);
    if (needed) await context.agent?.changed({ revision, needed });
  }
  const reader = readerOf(store);
  const ended: { sandbox: Sandbox }[] = [];
  for (const { key } of await reader.range(keys.reap(""))) {
    const sandbox = await reader.get<Sandbox>(`sandbox/${key.slice("reap/".length)}`);
    if (sandbox !== undefined && hasEnded(sandbox)) ended.push({ sandbox });
  }
  if (ended.length > 0) {
    const removing = operate(
      context,
      "remove ended sandboxes",
      async (draft) => await removeFound(context, draft, ended),
    );
    // Looking works on a full disk, too; doctor tells of them, and the next opening tries again.
    await removing.catch((error: unknown) => {
      if (!isNetkitError(error) || error.code !== "STATE_UNWRITABLE") throw error;
    });
  }
}

/** False: it can't be done now. An open journal under somebody's lock is an operation at work, and not our concern. */
async function recoverUnlessBusy(context: Context): Promise<boolean> {
  try {
    using _ = await context.lock.acquire(undefined, 0);
    await recover(context);
    return true;
  } catch (error) {
    return isLocked(error);
  }
}

/** Compares everything stored with the kernel; with `repair` mends it. */
export async function doctor(
  context: Context,
  options: ChangeOptions & { readonly repair?: boolean },
): Promise<Report> {
  requireRoot("compare networks with the kernel");
  if (options.repair !== true) return await look(context, options);
  const sandboxes = await removeOver(context, "remove sandboxes that are gone", options);
  const unclaimed = await collectAddresses(context, options);
  const { findings, checked } = await repair(context, options, sandboxes);
  const plain = [...sandboxes.map(({ finding }) => finding), ...unclaimed];
  const survey = new Survey(context.store);
  const unserved = await findUnserved(context, survey, sandboxes);
  // Also where nothing is unserved: who dies right after a commit has told the agent nothing of it.
  const needed = unserved.some(({ repairable }) => repairable);
  const served = options.dryRun !== true && (await serveAgain(context, needed));
  const all = [...plain, ...findings, ...unserved, ...(await warnings(context, survey))];
  return {
    findings: all,
    repaired:
      options.dryRun === true
        ? []
        : all.filter(({ repairable, problem }) => repairable && (problem !== "unserved" || served)),
    checked,
  };
}

/** What an operation is in the middle of looks like drift: what was found is looked at again when nobody changes anything. */
async function look(context: Context, { signal }: ChangeOptions): Promise<Report> {
  const compare = async (): Promise<Report> => {
    const survey = new Survey(context.store);
    const sandboxes = await examineSandboxes(context, survey);
    const { findings, checked } = await examine(context, survey, sandboxes);
    const unclaimed = await unclaimedAddresses(survey);
    const plain = [...sandboxes.map(({ finding }) => finding), ...unclaimed];
    const unserved = await findUnserved(context, survey, sandboxes);
    const all = [...plain, ...findings, ...unserved, ...(await warnings(context, survey))];
    return { findings: all, repaired: [], checked };
  };
  const report = await consistently(compare);
  if (!report.findings.some(({ repairable }) => repairable)) return report;
  using lock = await context.lock.acquire(signal).catch(unlessUnwritable);
  return lock === undefined ? report : await compare();
}

/** Nobody changes anything in a state directory that can't be written to. */
function unlessUnwritable(error: unknown): undefined {
  if (!isNetkitError(error) || error.code !== "STATE_UNWRITABLE") throw error;
}

/** What no comparison of resources tells. */
async function warnings(context: Context, reader: Reader): Promise<Finding[]> {
  const unshared = await findUnshared(context, reader);
  const routes = (await context.host.open()).routes();
  const { file } = context.shared;
  const listed =
    file === undefined ? [] : await (await import("./shared/peers-file/examining.ts")).examinePeersFile(context, file);
  return [...unshared, ...(await findForeign(context, reader)), ...(await overlaps(reader, routes)), ...listed];
}

/** Removes strays and sandboxes that are over; drift of what is stored is left to `doctor`. */
export async function collect(context: Context, options: ChangeOptions): Promise<Finding[]> {
  requireRoot("compare networks with the kernel");
  const sandboxes = await removeOver(context, "remove sandboxes that are over", options);
  const unclaimed = await collectAddresses(context, options);
  const { findings } = await repair(context, options, sandboxes, ({ op }) => op === "remove");
  return [
    ...sandboxes.map(({ finding }) => finding),
    ...unclaimed,
    ...findings.filter(({ problem }) => problem === "stray"),
  ];
}

/**
 * Removes the sandboxes that are over. One that another process makes while the state is read looks like it: only under the lock
 * it is what it seems.
 */
export async function removeOver(context: Context, title: string, options: ChangeOptions): Promise<SandboxFinding[]> {
  let found = await examineSandboxes(context, new Survey(context.store));
  if (found.length === 0) return found;
  await operate(
    context,
    title,
    async (draft) => {
      found = await examineSandboxes(context, new Survey(context.store));
      await removeFound(context, draft, found);
    },
    options,
  );
  return found;
}

/** Addresses that were kept for an engine that never came are free again. */
async function collectAddresses(context: Context, options: ChangeOptions): Promise<Finding[]> {
  const unclaimed = await unclaimedAddresses(readerOf(context.store));
  if (unclaimed.length > 0)
    await operate(context, "give back addresses that nobody came for", takeBackUnclaimed, options);
  return unclaimed;
}

/** See {@link Netkit.restoreFirewall}. */
export async function restoreFirewall(context: Context): Promise<void> {
  if ((await chooseFirewall(context)) === undefined) return;
  if (await (await context.host.open()).firewall.isThere()) return;
  requireChanging(context);
  using _ = await context.lock.acquire();
  await recover(context);
  await makeMissing(context);
}

/** What a repair takes away is found in the next round; what comes back after so many is no matter of ours. */
const mostRounds = 3;

/**
 * Makes a link anew that a network of netkit's had and somebody has deleted, and puts back on it what was on it.
 * @returns the network's name; undefined: it is none of netkit's, or is there
 */
export async function mendLink(context: Context, link: string): Promise<string | undefined> {
  const { changes } = await examine(context, new Survey(context.store));
  const missing = changes.find(
    ({ op, resource, owner }) =>
      op === "create" &&
      owner.type === "network" &&
      "name" in resource &&
      resource.ns === "host" &&
      resource.name === link,
  );
  if (missing === undefined) return undefined;
  const { id, name } = missing.owner;
  await repair(context, {}, [], ({ op, resource, owner }) => {
    const isOn = resource.kind === "veth" && resource.master === link;
    return op !== "remove" && (owner.id === id || isOn);
  });
  return name;
}

type Choice = (change: Change) => boolean;
const everything: Choice = () => true;

/** Needs no journal: what a death in the middle leaves undone is found again. */
async function repair(
  context: Context,
  options: ChangeOptions,
  over: readonly SandboxFinding[],
  choose: Choice = everything,
): Promise<Examination> {
  try {
    return await repairUnexplained(context, options, over, choose);
  } catch (error) {
    throw explained(error);
  }
}

async function failureOf(work: Promise<unknown>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return { error };
  }
}

function wordsOf(plan: readonly Change[]): string {
  return plan.map(({ op, key }) => `${op} ${key}`).join("\n");
}

async function repairUnexplained(
  context: Context,
  options: ChangeOptions,
  over: readonly SandboxFinding[],
  choose: Choice,
): Promise<Examination> {
  if (options.dryRun !== true) requireChanging(context);
  using _ = await context.lock.acquire(options.signal);
  if (options.dryRun !== true) await recover(context);
  const switching = choose === everything ? findSwitch(context, await chooseFirewall(context)) : undefined;
  if (switching !== undefined && options.dryRun !== true) await settle(context, false);
  const examination = await examine(context, new Survey(context.store), over);
  const findings = [...examination.findings];
  let plan = order(examination.changes.filter(choose));
  const { handlers, execute } = await context.host.open();
  options.onPlan?.(previewOf("repair", plan, handlers));
  if (options.dryRun === true) return examination;
  if (switching !== undefined) findings.unshift(switching);
  // What is made anew loses what was in it (a VXLAN device its forwarding entries), as found before as it was.
  for (let round = 1; plan.length > 0 && round <= mostRounds; round++) {
    const failed = await failureOf(
      execute(plan, handlers, options.signal === undefined ? {} : { signal: options.signal }),
    );
    const next = await examine(context, new Survey(context.store), over);
    const planned = plan;
    plan = order(next.changes.filter(choose));
    // Somebody else has changed something meanwhile, such as a link that is gone now: there is another plan.
    const isOver = round === mostRounds || options.signal?.aborted === true || wordsOf(plan) === wordsOf(planned);
    if (failed !== undefined && isOver) throw failed.error;
    const known = new Set(findings.map(({ message }) => message));
    findings.push(...next.findings.filter(({ message }) => !known.has(message)));
  }
  return { ...examination, findings };
}
