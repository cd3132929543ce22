import { NetkitError } from "@netkit/core";
import { LOCK_EX, syscalls } from "@netkit/netlink";
import type { Home } from "../home.ts";

const O_RDONLY = 0;

/**
 * Run `work` while no other process does so for the same namespace: reading all rules and writing them anew must be one.
 * The lock is on the namespace itself, so that it needs no file and goes with its holder.
 */
export async function exclusively<T>(home: Home, work: () => Promise<T>): Promise<T> {
  const calls = syscalls();
  const fd = calls.open(`/proc/self/fd/${home.fd}`, O_RDONLY, 0);
  if (fd < 0) throw refused("open", fd);
  try {
    const locked = await calls.flockAsync(fd, LOCK_EX);
    if (locked < 0) throw refused("lock", locked);
    return await work();
  } finally {
    calls.close(fd);
  }
}

function refused(what: string, result: number): NetkitError {
  return new NetkitError("KERNEL", `can't ${what} the network namespace for a change of iptables (errno ${-result})`, {
    hint: "Try again; see the kernel's log (dmesg) if it happens again.",
    details: { errno: -result },
  });
}
