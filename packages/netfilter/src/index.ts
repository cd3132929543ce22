/**
 * The firewall resource kinds of netkit (`isolation`, `masquerade`, `publish`) on nftables or iptables.
 *
 * @packageDocumentation
 */
export { firewallHandler } from "./handler.ts";
export type { Firewall, FirewallBackend, FirewallInUse, FirewallKind, FirewallOptions } from "./handler.ts";
export type { ForeignDrop, HostTraffic, LinkTraffic, Traffic, TunnelTraffic, Uplinks } from "./foreign/foreign.ts";
export { setIptables } from "./iptables/programs.ts";
export type { Iptables } from "./iptables/programs.ts";
export { setNft } from "./nftables/nft.ts";
export type { Nft, NftResult } from "./nftables/nft.ts";
