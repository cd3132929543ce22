import { closeSync, openSync } from "node:fs";
import { withNamespace } from "@netkit/netlink";

/**
 * The network namespace that the thread was in when this was made. Whatever programs netfilter later, at any time and
 * from wherever the thread then is, does so there. Holds a file descriptor; loads nothing until {@link Home.run}.
 */
export class Home {
  readonly fd: number = openSync("/proc/thread-self/ns/net", "r");
  #open = true;

  /** Run `work`, which must be synchronous, in the namespace. A process that it starts stays there. */
  run<T>(work: () => T): T {
    return withNamespace(this.fd, work);
  }

  close(): void {
    if (this.#open) closeSync(this.fd);
    this.#open = false;
  }
}
