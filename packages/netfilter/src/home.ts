import { closeSync, openSync } from "node:fs";
import { NETLINK_NETFILTER, openNetlink, withNamespace, type NetlinkSocket } from "@netkit/netlink";

/**
 * The network namespace that the thread was in when this was made. Whatever programs netfilter later, at any time and
 * from wherever the thread then is, does so there. Holds a file descriptor; loads nothing before its first use.
 */
export class Home {
  readonly fd: number = openSync("/proc/thread-self/ns/net", "r");
  #open = true;
  #socket: NetlinkSocket | undefined;

  /** A socket of NETLINK_NETFILTER in the namespace. */
  get socket(): NetlinkSocket {
    return (this.#socket ??= openNetlink({ family: NETLINK_NETFILTER, namespace: this.fd }));
  }

  /** Run `work`, which must be synchronous, in the namespace. A process that it starts stays there. */
  run<T>(work: () => T): T {
    return withNamespace(this.fd, work);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    if (this.#open) closeSync(this.fd);
    this.#open = false;
  }
}
