import { delTable, isNetlinkError, NFNL_SUBSYS_NFTABLES, NFPROTO_INET } from "@netkit/netlink";
import type { Home } from "../home.ts";

/** Deletes a table with all that is in it, straight in the kernel: what made it need not be installed any more. */
export function clearNftables(home: Home, table: string): void {
  try {
    home.socket.transaction(NFNL_SUBSYS_NFTABLES, [delTable(NFPROTO_INET, table)]);
  } catch (error) {
    if (!isNetlinkError(error) || error.code !== "ENOENT") throw error;
  }
}
