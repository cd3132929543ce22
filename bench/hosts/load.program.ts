/**
 * One end of a TCP and of a UDP connection, which its parent has sending and answering: blocking system calls, so that what is
 * measured is the path of the packets.
 */
import { constants, endianness } from "node:os";
import { koffi, syscalls, timeval } from "@netkit/netlink";
import { answerCalls } from "@netkit/testing/calls";
import { goAhead } from "../ahead.ts";
import { now } from "./clock.ts";

const errorNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const SO_RCVTIMEO = 20;
/** Of connecting, too. */
const SO_SNDTIMEO = 21;
const one = new Uint8Array(new Int32Array([1]).buffer);
/** struct linger: closing is a reset, after which nothing of a connection stays. */
const reset = new Uint8Array(new Int32Array([1, 0]).buffer);
const ownPort = 5001;
/** Nothing is lost on a wire that is memory: after so long something is wrong. */
const patienceMs = 5_000;
/** As iperf3 sends TCP. */
const block = Buffer.alloc(128 * 1024);
const datagramBytes = 64;

const libc = koffi().load("libc.so.6");
const listen = libc.func("int listen(int, int)") as (fd: number, backlog: number) => number;
const accept = libc.func("int accept(int, void *, void *)") as (fd: number, address: null, length: null) => number;
const setAffinity = libc.func("int sched_setaffinity(int, size_t, void *)") as (
  thread: number,
  length: number,
  mask: Uint8Array,
) => number;

let listener = -1;
let tcp = -1;
let udp = -1;

/** struct sockaddr_in of an address, by default with {@link ownPort}. */
function at(address: string, port = ownPort): Uint8Array {
  const bytes = Buffer.alloc(16);
  if (endianness() === "LE") bytes.writeUInt16LE(AF_INET);
  else bytes.writeUInt16BE(AF_INET);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

function socket(type: number): number {
  const fd = checked("socket", syscalls().socket(AF_INET, type, 0));
  for (const option of [SO_RCVTIMEO, SO_SNDTIMEO])
    checked("setsockopt", syscalls().setsockopt(fd, SOL_SOCKET, option, timeval(patienceMs)));
  return fd;
}

function checked(what: string, result: number): number {
  if (result < 0) throw new Error(`${what} failed: ${errorNames.get(-result) ?? -result}`);
  return result;
}

function receive(fd: number): number {
  let length: number;
  do length = syscalls().recv(fd, block, block.length, 0);
  while (length === -constants.errno.EINTR);
  checked("recv", length);
  if (length === 0) throw new Error("the other end has closed the connection");
  return length;
}

const calls = {
  /** A UDP socket between the two addresses; both ends have one. */
  pair: (own: string, other: string): void => {
    udp = socket(SOCK_DGRAM);
    checked("bind", syscalls().bind(udp, at(own)));
    checked("connect", syscalls().connect(udp, at(other)));
  },
  listen: (own: string, port?: number): void => {
    listener = socket(SOCK_STREAM);
    // What has been closed a moment ago may linger.
    checked("setsockopt", syscalls().setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, one));
    checked("bind", syscalls().bind(listener, at(own, port)));
    checked("listen", listen(listener, 1));
  },
  accept: (): void => void (tcp = checked("accept", accept(listener, null, null))),
  connect: (other: string, port?: number): void => {
    tcp = socket(SOCK_STREAM);
    checked("connect", syscalls().connect(tcp, at(other, port)));
  },
  /** Stays on that CPU, ahead of all that aren't real-time. */
  pin: (cpu: number): void => {
    goAhead();
    const mask = Buffer.alloc(8);
    mask.writeUInt8(1 << cpu, endianness() === "LE" ? 0 : 7);
    checked("sched_setaffinity", setAffinity(0, mask.length, mask));
  },
  /** Until all that is sent has come; then it says so. */
  sink: (bytes: number): void => {
    for (let left = bytes; left > 0;) left -= receive(tcp);
    checked("send", syscalls().send(tcp, block, 1, 0));
  },
  /** @returns ms, until the other end has it all */
  send: (bytes: number): number => {
    const started = now();
    for (let left = bytes; left > 0;)
      left -= checked("send", syscalls().send(tcp, block, Math.min(left, block.length), 0));
    receive(tcp);
    return now() - started;
  },
  /** So many more connections, one after the other, each of which gets a byte. */
  greet: (count: number): void => {
    for (let index = 0; index < count; index++) {
      const fd = checked("accept", accept(listener, null, null));
      checked("send", syscalls().send(fd, block, 1, 0));
      syscalls().close(fd);
    }
  },
  /** Their other end. @returns ms for all */
  visit: (count: number, other: string, port: number): number => {
    const started = now();
    for (let index = 0; index < count; index++) {
      const fd = socket(SOCK_STREAM);
      checked("setsockopt", syscalls().setsockopt(fd, SOL_SOCKET, SO_LINGER, reset));
      checked("connect", syscalls().connect(fd, at(other, port)));
      receive(fd);
      syscalls().close(fd);
    }
    return now() - started;
  },
  echo: (count: number): void => {
    for (let index = 0; index < count; index++) checked("send", syscalls().send(udp, block, receive(udp), 0));
  },
  /** @returns ms for all round trips */
  ask: (count: number): number => {
    const started = now();
    for (let index = 0; index < count; index++) {
      checked("send", syscalls().send(udp, block, datagramBytes, 0));
      receive(udp);
    }
    return now() - started;
  },
};

export type LoadCalls = typeof calls;

process.once("disconnect", () => process.exit());
answerCalls(calls);
