/**
 * What the engine needs to touch the kernel, as one module: it is loaded when it is first needed, so that reading the
 * state costs nothing of it, and in one go.
 */
export {
  announce,
  Announcer,
  echo,
  execute,
  firstPortInUse,
  kernelHandler,
  readFacts,
  readHostRoutes,
} from "@netkit/kernel";
export { firewallHandler } from "@netkit/netfilter";
export {
  listLinks,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  namespaceCookie,
  NETLINK_SOCK_DIAG,
  openNamespace,
  openNetlink,
  syscalls,
} from "@netkit/netlink";
