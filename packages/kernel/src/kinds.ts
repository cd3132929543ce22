import type { Resource, ResourceOf } from "@netkit/core";
import type { KernelKind, KernelResource, Kind } from "./kind.ts";
import { address } from "./kinds/address.ts";
import { bridge } from "./kinds/bridge.ts";
import { dummy } from "./kinds/dummy.ts";
import { ifb } from "./kinds/ifb.ts";
import { fdb } from "./kinds/fdb.ts";
import { file } from "./kinds/file.ts";
import { ipvlan } from "./kinds/ipvlan.ts";
import { link } from "./kinds/link.ts";
import { macvlan } from "./kinds/macvlan.ts";
import { neighbour } from "./kinds/neighbour.ts";
import { netns } from "./kinds/netns.ts";
import { redirect } from "./kinds/redirect.ts";
import { route } from "./kinds/route.ts";
import { rule } from "./kinds/rule.ts";
import { shaper } from "./kinds/shaper.ts";
import { sysctl } from "./kinds/sysctl.ts";
import { veth } from "./kinds/veth.ts";
import { vlan } from "./kinds/vlan.ts";
import { vxlan } from "./kinds/vxlan.ts";

/** All kinds of this package: a new one is a file in `kinds/` and a line here. */
export const kinds: { readonly [K in KernelKind]: Kind<ResourceOf<K>> } = {
  address,
  bridge,
  dummy,
  fdb,
  file,
  ifb,
  ipvlan,
  link,
  macvlan,
  neighbour,
  netns,
  redirect,
  route,
  rule,
  shaper,
  sysctl,
  veth,
  vlan,
  vxlan,
};

/** The kind of a resource, which takes just this resource. */
export function kindOf<R extends KernelResource>(resource: R): Kind<R> {
  return kinds[resource.kind] as unknown as Kind<R>;
}

export function isKernelResource(resource: Resource): resource is KernelResource {
  return Object.hasOwn(kinds, resource.kind);
}
