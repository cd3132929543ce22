import type { Course } from "@netkit/testing";

/** Whose calls fail. */
export interface Subject {
  readonly driver: string;
  /** From the folder of the checkout. */
  readonly module: string;
  readonly export?: string;
  /** The links that it needs, and not every kernel has. */
  readonly needs?: "ipvlan";
  readonly courses: readonly NonNullable<Course["course"]>[];
  /** That rules are made with, where the driver has any. */
  readonly firewalls: readonly ("nftables" | "iptables" | undefined)[];
}

/** Of one network that nobody makes. */
const predefined = { courses: ["attaching"], firewalls: [undefined] } as const;
const made = { courses: ["attaching", "changing"], firewalls: [undefined] } as const;
const ruled = { ...made, firewalls: ["nftables"] } as const;

export const subjects: readonly Subject[] = [
  { driver: "none", module: "packages/driver-none/src/index.ts", ...predefined },
  { driver: "host", module: "packages/driver-host/src/index.ts", ...predefined },
  { driver: "container", module: "packages/driver-container/src/index.ts", ...predefined },
  // Rules are alike under all three.
  { driver: "bridge", module: "packages/driver-bridge/src/index.ts", ...ruled, firewalls: ["nftables", "iptables"] },
  { driver: "routed", module: "packages/driver-routed/src/index.ts", ...ruled },
  { driver: "macvlan", module: "packages/driver-macvlan/src/index.ts", ...made },
  { driver: "ipvlan", module: "packages/driver-ipvlan/src/index.ts", needs: "ipvlan", ...made },
  { driver: "overlay", module: "packages/driver-overlay/src/index.ts", ...ruled },
  // Its etcd is one in memory.
  { driver: "flannel", module: "packages/driver-flannel/test/lab.ts", export: "narrow", ...ruled },
];
