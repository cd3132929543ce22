/**
 * Netlink for Node.js: rtnetlink links, addresses, routes, rules, neighbours, FDB entries and traffic control, conntrack,
 * and network namespaces, without a child process.
 *
 * @packageDocumentation
 */
export { decodeAddress, delAddress, listAddresses, newAddress, replaceAddress } from "./address.ts";
export type { Address, AddressFilter, ListedAddress } from "./address.ts";
export { AttributeWriter, Attributes, decodeAttributes } from "./attribute.ts";
export type { Attribute } from "./attribute.ts";
export type { BridgePort } from "./bridge-port.ts";
export { delTable, listBaseChains, listTables, nftGeneration } from "./chain.ts";
export type { BaseChain, NftTable } from "./chain.ts";
export * from "./conntrack.ts";
export { NetlinkError, errnoName, isNetlinkError } from "./errors.ts";
export type { NetlinkErrorDetails } from "./errors.ts";
export type { BatchResult } from "./exchange.ts";
export * from "./fdb.ts";
export * from "./filter.ts";
export * from "./ip-bytes.ts";
export type { IpVersion } from "./ip-family.ts";
export {
  createLink,
  decodeLink,
  decodeLinkCarrier,
  decodeLinkIndex,
  deleteLink,
  findLink,
  getLink,
  getLinkIndex,
  hasLinkKind,
  listLinks,
  readLink,
  updateLink,
} from "./link.ts";
export type { Link, LinkFilter, OperState } from "./link.ts";
export { delLink, delLinkGroup, newLink, setLink } from "./link-request.ts";
export type {
  AddressGeneration,
  LinkChange,
  LinkRef,
  LinkSettings,
  NewLink,
  VethPair,
  VethPeer,
} from "./link-request.ts";
export { koffi } from "./koffi.ts";
export type * from "./link-kind.ts";
export type { LinkStats } from "./link-stats.ts";
export { NLM_F_APPEND, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
export type { NetlinkMessage, NetlinkReply } from "./message.ts";
export { openMonitor } from "./monitor.ts";
export type { Monitor, MonitorGroup, MonitorOptions, NetlinkEvent } from "./monitor.ts";
export { decodeNeighbour, delNeighbour, listNeighbours, newNeighbour, replaceNeighbour } from "./neighbour.ts";
export type { ListedNeighbour, Neighbour, NeighbourFilter, NeighbourState } from "./neighbour.ts";
export { onProcessExit } from "./process-exit.ts";
export {
  attachNamespace,
  createNamespace,
  namespaceCookie,
  openNamespace,
  removeNamespace,
  withNamespace,
} from "./namespace.ts";
export type { NamespaceHandle, NamespaceRef } from "./namespace.ts";
export * from "./qdisc.ts";
export {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  appendRoute,
  decodeRoute,
  delRoute,
  listRoutes,
  newRoute,
  replaceRoute,
} from "./route.ts";
export type { ListedRoute, Nexthop, Route, RouteFilter, RouteType, WeightedNexthop } from "./route.ts";
export * from "./rule.ts";
export {
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  delSetElements,
  newSetElements,
  nftValue,
} from "./set-element.ts";
export type { SetElement, SetRef } from "./set-element.ts";
export { NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG, openNetlink } from "./socket.ts";
export type { NetlinkOptions, NetlinkSocket } from "./socket.ts";
export { listSockets } from "./socket-diag.ts";
export type { ListedSocket } from "./socket-diag.ts";
export { EPOLL_EVENT_BYTES, epollData, LOCK_EX, LOCK_NB, LOCK_UN, setSyscalls, syscalls, timeval } from "./syscalls.ts";
export type { Syscalls } from "./syscalls.ts";
