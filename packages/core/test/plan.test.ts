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
  macvlan: ["netns", "link"],
  veth: ["netns", "link", "bridge"],
  sysctl: ["netns", "link", "bridge", "dummy", "vxlan", "macvlan", "veth"],
  address: ["link", "bridge", "dummy", "vxlan", "macvlan", "veth", "sysctl"],
  route: ["address", "bridge", "dummy", "vxlan", "macvlan", "veth"],
  rule: ["address"],
  neighbour: ["bridge", "vxlan", "veth", "address"],
  fdb: ["bridge", "vxlan", "veth"],
  shaper: ["bridge", "dummy", "ifb", "vxlan", "macvlan", "veth"],
  redirect: ["bridge", "ifb", "vxlan", "macvlan", "veth"],
  isolation: ["bridge", "link"],
  masquerade: ["bridge", "address"],
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
