import type { Space } from "../src/index.ts";

/** How often the first address of each family is announced to a neighbour; counted from the first call on. */
export async function heard(space: Space, [four, six]: readonly string[]): Promise<() => Promise<number[]>> {
  await space.shell(`nft 'add table arp heard; add chain arp heard in { type filter hook input priority 0; }
    add rule arp heard in arp saddr ip ${four} arp daddr ip ${four} counter
    add table ip6 heard; add chain ip6 heard in { type filter hook input priority 0; }
    add rule ip6 heard in ip6 saddr ${six} ip6 daddr ff02::1 icmpv6 type nd-neighbor-advert counter'`);
  return async () => {
    const rules = await space.shell("nft list table arp heard; nft list table ip6 heard");
    return [...rules.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
  };
}
