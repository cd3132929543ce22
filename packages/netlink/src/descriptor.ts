import { LITTLE_ENDIAN } from "./attribute.ts";
import { checked } from "./errors.ts";
import { withNamespace } from "./namespace.ts";
import type { NamespaceRef } from "./namespace.ts";
import { syscalls, timeval } from "./syscalls.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const on = int32(1);
/** Acknowledgements of one send, and events, queue up in the socket. */
const receiveQueueBytes = int32(4 * 1024 * 1024);

/**
 * Open a netlink socket's descriptor in `namespace`, the thread's own by default: with extended and short
 * acknowledgements, strict checking of what is asked, and a timeout so that nothing waits for ever.
 */
export function openDescriptor(family: number, namespace: NamespaceRef | undefined, receiveTimeoutMs: number): number {
  const open = (): number => checked(syscalls().socket(AF_NETLINK, SOCK_RAW_CLOEXEC, family), "open a netlink socket");
  const fd = namespace === undefined ? open() : withNamespace(namespace, open);
  try {
    configure(fd, receiveTimeoutMs);
  } catch (error) {
    syscalls().close(fd);
    throw error;
  }
  return fd;
}

/** Give the socket a port number of its own and subscribe it to the groups in `groups`, a bit each. */
export function bindDescriptor(fd: number, groups: number): void {
  // struct sockaddr_nl: family, padding, port number (0: the kernel chooses), groups.
  const address = new DataView(new ArrayBuffer(12));
  address.setUint16(0, AF_NETLINK, LITTLE_ENDIAN);
  address.setUint32(8, groups, LITTLE_ENDIAN);
  checked(syscalls().bind(fd, new Uint8Array(address.buffer)), "subscribe to netlink groups");
}

function configure(fd: number, receiveTimeoutMs: number): void {
  const calls = syscalls();
  const op = "set up a netlink socket";
  for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
    checked(calls.setsockopt(fd, SOL_NETLINK, option, on), op);
  }
  // Without CAP_NET_ADMIN in the first user namespace the queue is what net.core.rmem_max allows.
  if (calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, receiveQueueBytes) < 0) {
    checked(calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, receiveQueueBytes), op);
  }
  checked(calls.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(receiveTimeoutMs)), op);
}

function int32(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, value, LITTLE_ENDIAN);
  return new Uint8Array(view.buffer);
}
