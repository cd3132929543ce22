import { digest32 } from "./digest.ts";

/** The root directory of the instance that owns the plain names. */
export const defaultRoot = "/var/lib/netkit";

/**
 * What marks the kernel objects of one instance (one `--root`). The default root has the tag "" and plain names;
 * every other root carries 6 hex digits of its path in each name.
 */
export interface Instance {
  readonly root: string;
  /** "" or 6 hex digits. */
  readonly tag: string;
  /** The name of the nft table and the first word of link aliases: `netkit` or `netkit-<tag>`. */
  readonly mark: string;
}

/** The instance of an absolute, normalised root path. */
export function instanceOf(root: string): Instance {
  const tag = root === defaultRoot ? "" : tagOf(root);
  return { root, tag, mark: tag === "" ? "netkit" : `netkit-${tag}` };
}

/** Six hex digits of a text. */
function tagOf(text: string): string {
  const hash = digest32(text);
  return ((hash >>> 24) ^ (hash & 0xffffff)).toString(16).padStart(6, "0");
}

/**
 * A kernel name of at most 15 bytes that follows from an id: `nk` and one letter for what it is, then the first digits
 * of the id, or the instance's tag and 30 bits of the id in base 32. No name that nft takes for a keyword can come of it.
 */
export function kernelName(letter: string, instance: Instance, id: string): string {
  if (instance.tag === "") return `nk${letter}${id.slice(0, 10)}`;
  const bits = Number.parseInt(id.slice(0, 8), 16) >>> 2;
  return `nk${letter}${instance.tag}${bits.toString(32).padStart(6, "0")}`;
}

/** The route protocol number of netkit's routes (`ip route show proto 107`); not among iproute2's registered ones. */
export const routeProtocol = 107;
