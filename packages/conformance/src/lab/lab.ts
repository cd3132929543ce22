import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyDriver, Network } from "@netkit/core";
import {
  openNetkit,
  type ChangeOptions,
  type Netkit,
  type NetworkRequest,
  type Preview,
  type SandboxHandle,
} from "@netkit/engine";
import { createHost, type Host, type HostOptions } from "./host.ts";
import { compareSnapshots, takeSnapshot, type Snapshot, type SnapshotOptions } from "./snapshot.ts";
import { spaceOf, type Space } from "./space.ts";

/** A driver at work in a namespace that plays the host, with a state directory of its own. */
export interface Lab {
  readonly host: Host;
  readonly driver: AnyDriver;
  readonly root: string;
  readonly netkit: Netkit;
  /** Every plan so far, to be replayed or looked through. */
  readonly previews: readonly Preview[];
  /** Collects the plan of a change in {@link previews}. */
  readonly recording: ChangeOptions;
  /** Another instance on the same state, as another process would open it. */
  readonly reopen: (drivers?: readonly AnyDriver[]) => Promise<Netkit>;
  readonly network: (name: string, request?: Omit<NetworkRequest, "name" | "driver">) => Promise<Network>;
  readonly space: (sandbox: SandboxHandle) => Space;
  readonly snapshot: (spaces?: Readonly<Record<string, Space>>, options?: SnapshotOptions) => Promise<Snapshot>;
}

/**
 * Runs `work` in a fresh host, with the calling thread in it; then removes everything that netkit knows of, and fails if
 * anything is left in the kernel.
 */
export async function inLab(driver: AnyDriver, options: HostOptions, work: (lab: Lab) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "netkit-lab-"));
  try {
    await using host = await createHost(options);
    using _ = host.enter();
    await using netkit = await openNetkit({ root, drivers: [driver] });
    const previews: Preview[] = [];
    const take: Lab["snapshot"] = async (spaces = host.spaces, more = {}) =>
      await takeSnapshot(spaces, { names: [`${netkit.instance.mark}.`], ...more });
    const recording: ChangeOptions = { onPlan: (preview) => void previews.push(preview) };
    const before = await take();
    // A case that fails must not be the reason why the next one does.
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(async () => await removeAll(netkit));
    await work({
      host,
      driver,
      root,
      netkit,
      previews,
      recording,
      reopen: async (drivers = [driver]) => await openNetkit({ root, drivers }),
      network: async (name, request = {}) =>
        await netkit.networks.create(
          { name, driver: driver.name, ipv6: driver.traits.families.includes("ipv6"), ...request },
          recording,
        ),
      space: ({ netns }) => (netns === undefined ? host : spaceOf(netns)),
      snapshot: take,
    });
    await cleanup.disposeAsync();
    assert.deepEqual(compareSnapshots(before, await take()), [], "something is left behind");
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Removes every sandbox and every network that can be removed, whoever has lent or joined it. */
export async function removeAll(netkit: Netkit): Promise<void> {
  const { networks, sandboxes } = netkit;
  for (const { id } of (await sandboxes.list()).toReversed()) await sandboxes.remove(id, { force: true });
  for (const { id } of await networks.list()) {
    const { loans, joins } = await networks.inspect(id);
    for (const { holder } of loans) await networks.takeBack(id, holder);
    for (const joined of joins) await networks.leave(joined.id);
  }
  await networks.prune();
}
