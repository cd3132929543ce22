import { constants } from "node:os";
import { setTimeout } from "node:timers/promises";
import { RTM_DELADDR, RTM_NEWADDR, decodeAddress } from "./address.ts";
import type { ListedAddress } from "./address.ts";
import { bindDescriptor, openDescriptor } from "./descriptor.ts";
import { checked } from "./errors.ts";
import { AF_BRIDGE } from "./ip-family.ts";
import { RTM_DELLINK, RTM_NEWLINK } from "./if-link.ts";
import { decodeLink } from "./link.ts";
import type { Link } from "./link.ts";
import { NLMSG_HEADER_LENGTH, NLMSG_NOOP, NLM_F_ACK, NLM_F_REQUEST, readMessages, writeMessage } from "./message.ts";
import type { NamespaceRef } from "./namespace.ts";
import { RTM_DELNEIGH, RTM_NEWNEIGH, decodeNeighbour } from "./neighbour.ts";
import type { ListedNeighbour } from "./neighbour.ts";
import { RTM_DELROUTE, RTM_NEWROUTE, decodeRoute } from "./route.ts";
import type { ListedRoute } from "./route.ts";
import { onProcessExit } from "./process-exit.ts";
import { MSG_DONTWAIT, NETLINK_ROUTE } from "./socket.ts";
import { syscalls } from "./syscalls.ts";

/** RTNLGRP_* of linux/rtnetlink.h as bits of sockaddr_nl. Addresses and routes have a group for each IP version. */
const GROUPS: Readonly<Record<MonitorGroup, number>> = {
  link: 1 << 0,
  address: (1 << 4) | (1 << 8),
  route: (1 << 6) | (1 << 10),
  neighbour: 1 << 2,
};

/** What changes can be watched. */
export type MonitorGroup = "link" | "address" | "route" | "neighbour";

/** One change. `lost`: more happened than the queue holds, list again what you keep track of. */
export type NetlinkEvent =
  | { readonly kind: "link"; readonly change: "new" | "del"; readonly link: Link }
  | { readonly kind: "address"; readonly change: "new" | "del"; readonly address: ListedAddress }
  | { readonly kind: "route"; readonly change: "new" | "del"; readonly route: ListedRoute }
  | { readonly kind: "neighbour"; readonly change: "new" | "del"; readonly neighbour: ListedNeighbour }
  | { readonly kind: "lost" };

export interface MonitorOptions {
  readonly groups: readonly MonitorGroup[];
  /** The namespace to watch. Default: that of the calling thread. */
  readonly namespace?: NamespaceRef | undefined;
  /** What comes within so many ms is taken in at once: each wait for a change costs a turn of a worker thread. Default 0. */
  readonly gatherMs?: number | undefined;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** Changes as they happen, for one `for await`, whose end closes the monitor. */
export interface Monitor extends AsyncIterable<NetlinkEvent>, Disposable {
  close(): void;
}

/** Each wait that ends costs the process some work; nothing hangs on it, for whoever closes ends the wait. */
const RECEIVE_TIMEOUT_MS = 60_000;
const BUFFER_BYTES = 64 * 1024;
const { EAGAIN, EINTR, ENOBUFS } = constants.errno;

/**
 * Watch for changes. Nothing that happens after the call is missed: open the monitor, list, then iterate. While the
 * iteration waits it holds one of libuv's worker threads.
 */
export function openMonitor(options: MonitorOptions): Monitor {
  const { groups, namespace, signal, gatherMs = 0 } = options;
  const fd = openDescriptor(NETLINK_ROUTE, namespace, RECEIVE_TIMEOUT_MS);
  try {
    bindDescriptor(
      fd,
      groups.reduce((bits, group) => bits | GROUPS[group], 0),
    );
  } catch (error) {
    syscalls().close(fd);
    throw error;
  }
  const state = { closed: false, receiving: false };
  const release = (): void => {
    forget();
    signal?.removeEventListener("abort", close);
    syscalls().close(fd);
  };
  const close = (): void => {
    if (state.closed) return;
    state.closed = true;
    if (state.receiving) wake(fd);
    else release();
  };
  const forget = onProcessExit(close);
  if (signal?.aborted) close();
  signal?.addEventListener("abort", close);

  async function* iterate(): AsyncGenerator<NetlinkEvent, void, void> {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    try {
      while (!state.closed) {
        let length = syscalls().recv(fd, buffer, buffer.length, MSG_DONTWAIT);
        if (length === -EAGAIN) {
          state.receiving = true;
          length = await syscalls().recvAsync(fd, buffer, buffer.length, 0);
          state.receiving = false;
          if (state.closed) release();
          else if (gatherMs > 0 && length >= 0) await setTimeout(gatherMs);
          if (state.closed) return;
        }
        if (length >= 0) yield* decodeEvents(buffer.subarray(0, length));
        else if (length === -ENOBUFS) yield { kind: "lost" };
        else if (length !== -EAGAIN && length !== -EINTR) checked(length, "watch for changes");
      }
    } finally {
      close();
    }
  }
  const events = iterate();
  return { close, [Symbol.dispose]: close, [Symbol.asyncIterator]: () => events };
}

/** The kernel acknowledges an empty message at once, which ends the wait of the worker thread. */
function wake(fd: number): void {
  const message = { type: NLMSG_NOOP, flags: 0, payload: new Uint8Array(0), op: "end a wait" };
  const buffer = Buffer.alloc(NLMSG_HEADER_LENGTH);
  writeMessage(buffer, 0, message, NLM_F_REQUEST | NLM_F_ACK, 0);
  syscalls().send(fd, buffer, buffer.length, 0);
}

function decodeEvents(bytes: Buffer): NetlinkEvent[] {
  const events: NetlinkEvent[] = [];
  readMessages(bytes, ({ type }, payload) => {
    const event = decodeEvent(type, payload);
    if (event) events.push(event);
  });
  return events;
}

function decodeEvent(type: number, payload: Buffer): NetlinkEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      // A bridge reports on its ports in the same group, in messages of its own family.
      if (payload[0] === AF_BRIDGE) return undefined;
      return { kind: "link", change: type === RTM_NEWLINK ? "new" : "del", link: decodeLink(payload) };
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return { kind: "address", change: type === RTM_NEWADDR ? "new" : "del", address: decodeAddress(payload) };
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      return route && { kind: "route", change: type === RTM_NEWROUTE ? "new" : "del", route };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      // The forwarding tables of bridges report in the same group.
      if (payload[0] === AF_BRIDGE) return undefined;
      return {
        kind: "neighbour",
        change: type === RTM_NEWNEIGH ? "new" : "del",
        neighbour: decodeNeighbour(payload),
      };
    default:
      return undefined;
  }
}
