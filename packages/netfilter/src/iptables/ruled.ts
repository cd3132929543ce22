import type { GuardResource, Resource, SenderResource } from "@netkit/core";
import type { FirewallResource } from "../backend.ts";

/** What iptables has rules for: all that is forwarded or comes in, but no frame that passes from port to port. */
export type RuledResource = Exclude<FirewallResource, GuardResource | SenderResource>;

export function isRuled<R extends Resource>(resource: R): resource is Exclude<R, GuardResource | SenderResource> {
  return resource.kind !== "guard" && resource.kind !== "sender";
}
