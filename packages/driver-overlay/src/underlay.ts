import { familyOf, NetkitError, type Family, type HostView, type NetworkView } from "@netkit/core";
import type { OverlayOptions } from "./options.ts";

/** What a tunnel puts around a packet: the inner Ethernet header (14 bytes), VXLAN (8), UDP (8) and the underlay's IP. */
const overhead: Readonly<Record<Family, number>> = { ipv4: 14 + 8 + 8 + 20, ipv6: 14 + 8 + 8 + 40 };

/** This host's part in the network. @throws NetkitError UNSUPPORTED where hosts share nothing */
export function hostOf({ name, host }: Pick<NetworkView, "name" | "host">): HostView {
  if (host !== undefined) return host;
  throw new NetkitError(
    "UNSUPPORTED",
    `network '${name}' can't be made: the driver 'overlay' joins hosts by a store that they share, and here is none`,
    { hint: "For a network on this host alone take the driver 'bridge'." },
  );
}

/** The MTU of everything on the network. @throws NetkitError OPTION_INVALID where no tunnel can carry it */
export function mtuOf(view: Pick<NetworkView<OverlayOptions>, "name" | "host" | "options">): number {
  const { vtep, mtu: underlay } = hostOf(view);
  const most = underlay - overhead[familyOf(vtep)];
  const { mtu = most } = view.options;
  if (mtu <= most) return mtu;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${view.name}' can't have an MTU of ${mtu}: the link of ${vtep}, the underlay's on this host, has ${underlay}, of which a tunnel takes ${underlay - most}`,
    { hint: `Set -o mtu=${most} or less, or leave it out.`, details: { mtu, underlay, vtep } },
  );
}
