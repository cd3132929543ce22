import type { Reading, Resource, ResourceOf } from "@netkit/core";
import type { Link } from "@netkit/netlink";
import type { Shell } from "./shell.ts";
import type { Transaction } from "./transaction.ts";
import type { View } from "./view.ts";

/** The kinds of resources that this package makes; core's other kinds belong to the firewall. */
export type KernelKind = Exclude<
  Resource["kind"],
  "isolation" | "familiar" | "masquerade" | "publish" | "open" | "untracked" | "guard" | "sender"
>;
export type KernelResource = ResourceOf<KernelKind>;

/** All that netkit knows of one kind of resource. */
export interface Kind<R extends Resource> {
  /** Queues what makes it. `alias` marks links. */
  create(tx: Transaction, resource: R, alias: string): void;
  /**
   * Queues what turns `previous` into `resource` in place and says how to undo that ({@link Transaction.changed});
   * false, with nothing done, when it must be made anew. Absent: it is removed and made, in one batch where it can be.
   */
  change?(tx: Transaction, resource: R, previous: R, alias: string): boolean;
  /**
   * Called when something is there already that isn't as wanted: queues what takes its place if it is of the kernel's
   * own making (a learned neighbour); false when it is somebody's. `view` has shown the reading.
   */
  takeOver?(tx: Transaction, resource: R, reading: Reading, view: View): boolean;
  /** Another link that has what can be had once, so that the kernel says that it exists, though there is none of that name. */
  rival?(view: View, resource: R): Link | undefined;
  /** Queues what removes it. Absent for links, which go in groups, and for what is never removed. */
  remove?(tx: Transaction, resource: R): void;
  read(view: View, resource: R): Reading;
  /** The commands of `create`. */
  createCommands(shell: Shell, resource: R, alias: string): string[];
  /** The commands of `change`; absent or undefined: those that remove and make it. */
  changeCommands?(shell: Shell, resource: R, previous: R, alias: string): string[] | undefined;
  /** The commands that remove it. */
  removeCommands(shell: Shell, resource: R): string[];
  /** A marked link of the host that nobody knows, as a resource that can be removed. Links only. */
  stray?(link: Link): R;
  /** Of a marked link what somebody has put into its tables, or the kernel hasn't by itself; known or not. Links only. */
  entries?(view: View, link: Link): Resource[];
}
