import { syscalls } from "@netkit/netlink";

/** Namespaces that are looked at through one procfs. */
const LOOKS = 32;

/**
 * A procfs of our own, mounted nowhere, for reading /proc/sys/net in many namespaces. A procfs keeps an entry for each namespace
 * that has looked, all of them in one chain, so that a look takes the longer the more there are: 0.1 ms among 1,000. A
 * new one has none. Where it can't be had (no privileges outside of a user namespace, Linux before 5.2) it is the machine's own.
 */
export class OwnProc implements Disposable {
  #fd = -1;
  #looks = 0;

  /** Where it is found, for one look. */
  path(): string {
    // Few looks are done sooner than one is mounted.
    if (this.#looks > 0 && this.#looks % LOOKS === 0) {
      this[Symbol.dispose]();
      this.#fd = syscalls().openProc();
    }
    this.#looks += 1;
    return this.#fd < 0 ? "/proc" : `/proc/thread-self/fd/${this.#fd}`;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) syscalls().close(this.#fd);
    this.#fd = -1;
  }
}
