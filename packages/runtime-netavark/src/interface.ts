import { getLink, listLinks, openNetlink, setLink } from "@netkit/netlink";

/** netavark brings the loopback up, for the runtime leaves it as it is; and names are served on it. */
export function raiseLoopback(netns: string): void {
  using inside = openNetlink({ namespace: netns });
  inside.request(setLink("lo", { up: true }));
}

/** Of an interface that has the MAC of the link that it lies on. */
export function macOf(netns: string, ifName: string): string {
  using inside = openNetlink({ namespace: netns });
  return getLink(inside, ifName).mac ?? "00:00:00:00:00:00";
}

/** Those of the host. */
export function linkNames(): string[] {
  using host = openNetlink();
  return listLinks(host, { stats: false }).map(({ name }) => name);
}
