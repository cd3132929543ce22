import { AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";

/** Numbers of linux/rtnetlink.h and linux/pkt_sched.h, and the header that all of traffic control shares. */

export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_GETQDISC = 38;
export const RTM_NEWTFILTER = 44;
export const RTM_DELTFILTER = 45;
export const RTM_GETTFILTER = 46;

export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;

export const TC_H_ROOT = 0xffffffff;
/** The parent of the qdisc `ingress`, and of `clsact`. */
export const TC_H_INGRESS = 0xfffffff1;
/** The handle that those two always have, `ffff:`. */
export const INGRESS_HANDLE = 0xffff0000;

/** The length of struct tcmsg. */
export const TC_HEADER = 20;

/** struct tcmsg: the link, the object's handle, what it hangs on, and for filters priority and protocol. */
export interface TrafficHeader {
  readonly ifindex: number;
  readonly handle: number;
  readonly parent: number;
  readonly info: number;
}

export function trafficHeader({ ifindex, handle = 0, parent = 0, info = 0 }: Partial<TrafficHeader>): AttributeWriter {
  const writer = new AttributeWriter(TC_HEADER);
  writer.header.setInt32(4, ifindex ?? 0, LITTLE_ENDIAN);
  writer.header.setUint32(8, handle, LITTLE_ENDIAN);
  writer.header.setUint32(12, parent, LITTLE_ENDIAN);
  writer.header.setUint32(16, info, LITTLE_ENDIAN);
  return writer;
}

/** Check the length first, as `new Attributes(payload, TC_HEADER)` does. */
export function decodeTrafficHeader(payload: Buffer): TrafficHeader {
  const view = new DataView(payload.buffer, payload.byteOffset, TC_HEADER);
  return {
    ifindex: view.getInt32(4, LITTLE_ENDIAN),
    handle: view.getUint32(8, LITTLE_ENDIAN),
    parent: view.getUint32(12, LITTLE_ENDIAN),
    info: view.getUint32(16, LITTLE_ENDIAN),
  };
}
