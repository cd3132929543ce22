import type { Family } from "../address.ts";

/**
 * How a family of a network is joined to the outside. `nat`: by the host's addresses, both ways. `nat-unprotected`: so, and
 * the sandboxes' own addresses are open to all. `routed`: by the sandboxes' own addresses, where published ports are open.
 * `isolated`: not at all, not even to the host.
 */
export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";

/** What sandboxes are behind, and what holds for them there. */
export interface Area {
  /** The bridge's name, or the beginning of the names of links of their own with `*` behind it. */
  readonly link: string;
  /** The MTU of everything on it; undefined leaves the kernel's default. */
  readonly mtu: number | undefined;
  /** Sandboxes reach each other. */
  readonly icc: boolean;
  /** Sandboxes speak with their own MACs and addresses alone. */
  readonly guarded: boolean;
  readonly modes: Readonly<Record<Family, GatewayMode>>;
  /** There are links from which published ports are reached at the sandboxes' own addresses, too. */
  readonly trusting: boolean;
}
