import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ipOf, type Ip } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { ipvlan } from "@netkit/driver-ipvlan";
import { macvlan } from "@netkit/driver-macvlan";
import { routed } from "@netkit/driver-routed";
import {
  openNetkit,
  type EndpointRequest,
  type FirewallBackend,
  type Netkit,
  type SandboxHandle,
} from "@netkit/engine";
import { expect } from "vitest";
import { compareSnapshots, createHost, spaceOf, takeSnapshot, type Host, type Space } from "../src/index.ts";

/** What a bridge network has to work with. */
export interface Setting {
  readonly firewall: FirewallBackend;
  readonly bridgeNetfilter: boolean;
}

export const settings: readonly Setting[] = (["nftables", "iptables"] as const).flatMap((firewall) =>
  [true, false].map((bridgeNetfilter) => ({ firewall, bridgeNetfilter })),
);

/** For what has nothing to do with either. */
export const plain: Setting = { firewall: "nftables", bridgeNetfilter: true };

/** A sandbox, the namespace it is, and its addresses. */
interface Box {
  readonly sandbox: SandboxHandle;
  readonly space: Space;
  readonly addresses: readonly Ip[];
}

export interface OutsideHost {
  readonly host: Host;
  readonly outside: Space;
  readonly netkit: Netkit;
  readonly open: (request: EndpointRequest | string) => Promise<Box>;
}

/** Runs `work` on a host with an outside, with netkit opened; then removes what it has made, and checks for leaks. */
export async function onOutsideHost<T>(setting: Setting, work: (place: OutsideHost) => Promise<T>): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), "netkit-outside-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(root, { recursive: true }));
  const host = cleanup.use(await createHost({ outside: true, bridgeNetfilter: setting.bridgeNetfilter }));
  const { outside } = host;
  if (outside === undefined) throw new Error("the host has no outside");
  cleanup.use(host.enter());
  const netkit = cleanup.use(
    await openNetkit({ root, drivers: [bridge(), ipvlan(), macvlan(), routed()], firewall: setting.firewall }),
  );
  // The built-in chains of iptables stay once they are used.
  await netkit.networks.create({ name: "first", ipv6: true });
  await netkit.networks.remove("first");
  const before = await takeSnapshot({ host });
  const open = async (request: EndpointRequest | string): Promise<Box> => {
    const sandbox = await netkit.sandboxes.open({ networks: [request] });
    const addresses = (await sandbox.inspect()).endpoints.flatMap((endpoint) =>
      endpoint.addresses.map(({ address }) => ipOf(address)),
    );
    return { sandbox, space: spaceOf(sandbox.netns ?? ""), addresses };
  };
  const result = await work({ host, outside, netkit, open });
  expect((await netkit.doctor()).findings.map(({ message }) => message)).toEqual([]);
  for (const { id } of await netkit.sandboxes.list()) await netkit.sandboxes.remove(id, { force: true });
  await netkit.networks.prune();
  expect(compareSnapshots(before, await takeSnapshot({ host }))).toEqual([]);
  return result;
}
