import { anyMac, ipOf, type Ip, type NetworkView, type PeerView, type Resource } from "@netkit/core";
import { bridgeName, vxlanName } from "./network.ts";
import type { OverlayOptions } from "./options.ts";

/**
 * What this host must hold for the network's other hosts and their endpoints: whose MAC an address is, which the bridge
 * answers its sandboxes with, that the MAC is behind the tunnels, and behind which. Hosts with unlisted endpoints get what is
 * for addresses that nobody knows, and are learned from.
 */
export function peerResources(
  view: NetworkView<OverlayOptions>,
  peers: readonly PeerView[],
  unlisted: readonly Ip[] = [],
): readonly Resource[] {
  const ns = "host";
  const [bridge, vxlan] = [bridgeName(view), vxlanName(view)];
  // An endpoint of two addresses has one MAC.
  const vteps = new Map(peers.map(({ mac, vtep }) => [mac, vtep]));
  return [
    ...peers.map(({ address, mac }): Resource => ({
      kind: "neighbour",
      ns,
      link: bridge,
      address: ipOf(address),
      mac,
    })),
    ...[...vteps].flatMap(([mac, destination]): Resource[] => [
      { kind: "fdb", ns, link: vxlan, mac, destination },
      { kind: "fdb", ns, link: vxlan, mac, master: true },
    ]),
    ...unlisted.map((destination): Resource => ({ kind: "fdb", ns, link: vxlan, mac: anyMac, destination })),
  ];
}
