import { formatRange, type PublishedPort } from "@netkit/core";
import type { Netkit } from "@netkit/engine";

/** What an instance has been asked for and has acknowledged, a line each, by names alone: the same in each run of the same steps. */
export async function holdings(netkit: Netkit): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, predefined } of await netkit.networks.list()) {
    if (predefined) continue;
    const { driver, loans, joins } = await netkit.networks.inspect(name);
    const others = [...loans.map(({ holder }) => `lends to ${holder}`), ...joins.map(({ engine }) => `is ${engine}'s`)];
    lines.push([`network ${name} of ${driver}`, ...others.toSorted()].join(", "));
  }
  for (const { name, dns, endpoints } of await netkit.sandboxes.list()) {
    const on = endpoints.map(
      ({ networkName, ports }) => `on ${networkName}${ports.map(published).toSorted().join("")}`,
    );
    lines.push([`sandbox ${name}`, ...on.toSorted(), ...dns.servers.map((server) => `asks ${server}`)].join(", "));
  }
  return lines.toSorted();
}

function published({ hostPort, protocol }: PublishedPort): string {
  return ` ${formatRange(hostPort)}/${protocol}`;
}
