import { announcementsOf, ipOf, type Endpoint, type Network } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { derivedMac } from "./endpoint-mac.ts";
import type { Context } from "./operation.ts";
import { keys } from "./state.ts";

/**
 * Has an endpoint announce its addresses where a neighbour may know one of them by another MAC. As a rule none can: the MAC
 * follows from the first address. Exceptions are a MAC of the caller's choice, and a further address that was in use
 * before, beside another first one (`reused`). From the first exception on all endpoints of the network announce theirs,
 * for the next one to have such an address is none itself.
 */
export function planAnnouncement(draft: Draft, network: Network, endpoint: Endpoint, reused: boolean): void {
  const { ifName, mac, addresses, namespace } = endpoint;
  const ips = addresses.map(({ address }) => ipOf(address));
  if (ifName === "" || ips.length === 0 || mac === undefined) return;
  const isException = mac !== derivedMac(endpoint) || reused;
  if (isException && network.announces !== true) draft.put(keys.network(network.id), { ...network, announces: true });
  const { times, intervalMs } = announcementsOf(network);
  if (times === 0 || !(isException || network.announces === true)) return;
  draft.announcements.push({ namespace, link: ifName, addresses: ips, times, intervalMs });
  // A command ends before the repetitions are due.
  if (times > 1) draft.needsAgent = true;
}

/**
 * Once all is done; nobody waits for the repetitions, which are the agent's, unless this instance has none. What can't be announced
 * a neighbour finds out by itself, when its entry fails some seconds later.
 */
export async function announceAll(context: Context, draft: Draft): Promise<void> {
  const host = await context.host.open();
  for (const { namespace, times, intervalMs, ...announcement } of draft.announcements) {
    const path = context.host.namespaces.get(namespace);
    try {
      if (path === undefined) continue;
      host.announce(path, announcement);
      if (context.agent === undefined) host.announcer.repeat(path, announcement, times - 1, intervalMs);
    } catch {
      // The endpoint is there all the same.
    }
  }
}
