import { expect, test } from "vitest";
import { rankOf, type ResourceKind } from "../src/index.ts";

/** What each kind may need to be there before it. Every kind has a line: the type says so. */
const needs: Readonly<Record<ResourceKind, readonly ResourceKind[]>> = {
  netns: [],
  file: [],
  link: ["netns"],
  bridge: ["netns"],
  dummy: ["netns"],
  ifb: ["netns"],
  vxlan: ["netns", "link", "bridge"],
  vlan: ["netns", "link"],
  macvlan: ["netns", "link", "vlan"],
  ipvlan: ["netns", "link", "vlan"],
  veth: ["netns", "link", "bridge"],
  sysctl: ["netns", "link", "bridge", "vlan", "dummy", "vxlan", "macvlan", "ipvlan", "veth"],
  address: ["link", "bridge", "dummy", "vxlan", "macvlan", "ipvlan", "veth", "sysctl"],
  route: ["address", "bridge", "dummy", "vxlan", "macvlan", "ipvlan", "veth"],
  rule: ["address"],
  neighbour: ["bridge", "vxlan", "veth", "address"],
  fdb: ["bridge", "vxlan", "veth"],
  shaper: ["bridge", "dummy", "ifb", "vxlan", "macvlan", "ipvlan", "veth"],
  redirect: ["bridge", "ifb", "vxlan", "macvlan", "ipvlan", "veth"],
  isolation: ["bridge", "link"],
  familiar: ["bridge", "isolation"],
  masquerade: ["bridge", "address"],
  untracked: [],
  guard: ["bridge"],
  sender: ["veth", "guard"],
  open: ["veth", "macvlan", "address", "isolation"],
  publish: ["veth", "macvlan", "address", "isolation", "masquerade"],
};

test.each(Object.entries(needs) as [ResourceKind, readonly ResourceKind[]][])(
  "a %s comes after %j",
  (kind, earlier) => {
    expect(Number.isInteger(rankOf(kind))).toBe(true);
    for (const one of earlier) expect(rankOf(one), one).toBeLessThan(rankOf(kind));
  },
);
