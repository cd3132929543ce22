import { digest32, type Owner } from "@netkit/core";
import type { Link } from "@netkit/netlink";

/** The most that a link's alias holds (IFALIASZ, linux/if.h, without its terminating zero). */
const ALIAS_BYTES_MAX = 255;

/** How one instance marks its links. */
export interface Mark {
  readonly word: string;
  /**
   * The link group of links in the making. The kernel takes an alias for links that exist already only, a group at
   * once: so a link is known as ours even if the process dies before it gets its alias.
   */
  readonly group: number;
}

export function markOf(word: string): Mark {
  return { word, group: digest32(word) >>> 1 || 1 };
}

/** The alias of a link: whose instance, and for whom it was made. */
export function aliasOf(mark: Mark, owner: Owner): string {
  return Buffer.from(`${mark.word}/${owner.type}/${owner.name}`).subarray(0, ALIAS_BYTES_MAX).toString();
}

export function isOurs(mark: Mark, link: Pick<Link, "alias" | "group">): boolean {
  return link.alias === undefined ? link.group === mark.group : link.alias.startsWith(`${mark.word}/`);
}
