import { delTable, isNetlinkError, NFNL_SUBSYS_NFTABLES, NFPROTO_BRIDGE, NFPROTO_INET } from "@netkit/netlink";
import type { Home } from "../home.ts";

/** Deletes the tables of that name with all that is in it, straight in the kernel: what made it need not be installed any more. */
export function clearNftables(home: Home, table: string): void {
  for (const family of [NFPROTO_INET, NFPROTO_BRIDGE]) {
    try {
      home.socket.transaction(NFNL_SUBSYS_NFTABLES, [delTable(family, table)]);
    } catch (error) {
      if (!isNetlinkError(error) || error.code !== "ENOENT") throw error;
    }
  }
}
