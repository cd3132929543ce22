// Drivers as they should be, in processes that aren't: for fault sweeps, whose workers load them by name.
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AnyDriver, EndpointView } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { none } from "@netkit/driver-none";
import { setSyscalls, syscalls } from "@netkit/netlink";

/** Namespaces are said to be removed, and stay: the undo of making one is broken. */
export function leaking(): AnyDriver {
  setSyscalls({ ...syscalls(), umount2: pretend, unlink: pretend });
  return none();
}

function pretend(): number {
  return 0;
}

/** The state goes when a sandbox is connected, and whoever comes next finds none. */
export function losing(): AnyDriver {
  const { root = "" } = JSON.parse(process.argv[2] ?? "{}") as { readonly root?: string };
  const own: AnyDriver = bridge();
  return {
    ...own,
    traits: { ...own.traits, families: ["ipv4"], publish: false },
    endpoint: (view: EndpointView) => {
      for (const end of ["", "-wal", "-shm"]) rmSync(join(root, `state.db${end}`), { force: true });
      return own.endpoint(view);
    },
  };
}
