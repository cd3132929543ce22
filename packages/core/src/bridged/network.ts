import { familyOf, type Family, type Mac } from "../address.ts";
import type { NetworkView } from "../driver.ts";
import type { NetworkId } from "../ids.ts";
import type { SysctlResource } from "../resource.ts";

type View = Pick<NetworkView, "internal" | "subnets">;

/** Whom a bridge is made by, and whether its network uses IPv6 on it. */
interface BridgeSettings {
  /** It was there before the network: its own settings are left alone. */
  readonly adopted: boolean;
  /** The host has IPv6 on it, if the network has. */
  readonly ipv6: boolean;
}

/** The MAC of a network's bridge: locally administered, in a range of its own beside those of endpoints. */
export function bridgeMac(id: NetworkId): Mac {
  return `02:6b:${id.slice(0, 8).replaceAll(/(..)(?=.)/g, "$1:")}` as Mac;
}

/** What the host's kernel has to be told for a bridge that it routes by. */
export function bridgeSysctls(view: View, bridge: string, { adopted, ipv6: wanted }: BridgeSettings): SysctlResource[] {
  const forwarding = [
    ...forwardingSysctls(view),
    // Connections of the host to a published port of 127.0.0.1 leave through the bridge.
    ...(has(view, "ipv4") ? [sysctl(`net/ipv4/conf/${bridge}/route_localnet`, "1")] : []),
  ];
  const on = has(view, "ipv6") && wanted;
  const closed = [
    // Said both ways: where the host turns it off for all links, a network that has it needs it on its own.
    sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, on ? "0" : "1"),
    // The host must never take a router advertisement from a sandbox (CVE-2020-13401 was that).
    ...(on ? ["accept_ra", "accept_dad"].map((name) => sysctl(`net/ipv6/conf/${bridge}/${name}`, "0")) : []),
  ];
  return [...(view.internal ? [] : forwarding), ...(adopted ? [] : closed)];
}

/** What the host's kernel has to be told to route the network's packets. */
export function forwardingSysctls(view: Pick<View, "subnets">): SysctlResource[] {
  return [
    ...(has(view, "ipv4") ? [sysctl("net/ipv4/ip_forward", "1")] : []),
    ...(has(view, "ipv6") ? [sysctl("net/ipv6/conf/all/forwarding", "1")] : []),
  ];
}

function has({ subnets }: Pick<View, "subnets">, family: Family): boolean {
  return subnets.some(({ subnet }) => familyOf(subnet) === family);
}

function sysctl(path: string, value: string): SysctlResource {
  return { kind: "sysctl", ns: "host", path, value };
}
