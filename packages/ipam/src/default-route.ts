import type { Cidr } from "@netkit/core";

const defaults: ReadonlySet<string> = new Set([
  "0.0.0.0/0",
  "0.0.0.0/1",
  "128.0.0.0/1",
  "::/0",
  "::/1",
  "8000::/1",
  "2000::/3",
]);

/**
 * Whether a destination stands for "everything else": a default route, a half of one (VPNs lay such a pair over the
 * default route) or all of global unicast (RFC 4291, 2.4). Such a route overlaps no subnet in particular.
 */
export function isDefaultRoute(destination: Cidr): boolean {
  return defaults.has(destination);
}
