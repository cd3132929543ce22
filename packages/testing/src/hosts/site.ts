import type { Snapshot } from "@netkit/conformance/lab";
import type { Host } from "./host.ts";
import { openSegment } from "./segment.ts";
import { StoreServers, type StoreKind } from "./store-servers.ts";

export interface SiteOptions {
  /** What hosts share networks by. Default: etcd, one member. */
  readonly store?: StoreKind;
}

/** Hosts on one segment, and the servers of a store there. */
export interface Site {
  readonly hosts: readonly Host[];
  readonly store: StoreServers;
  /** What is on hosts now and was not before, and the other way round: a line for each. */
  readonly differences: (hosts?: readonly Host[]) => Promise<string[]>;
}

/** Runs `work` on so many hosts, that nothing of netkit is on; whatever is left goes with them. */
export async function onSite(
  count: number,
  work: (site: Site) => Promise<void>,
  { store: kind = "etcd" }: SiteOptions = {},
): Promise<void> {
  await using segment = await openSegment(count);
  const { hosts, serverHost } = segment;
  await using store = await StoreServers.open(serverHost, kind);
  const before = new Map<Host, Snapshot>();
  await Promise.all(hosts.map(async (host) => before.set(host, await host.traces())));
  await work({
    hosts,
    store,
    differences: async (looked = hosts) => {
      const found = looked.map(async (host) => await host.differences(before.get(host) ?? {}));
      return (await Promise.all(found)).flat();
    },
  });
}
