import { isNetkitError, parseIp, parseMac, type Ip, type Mac } from "@netkit/core";
import { fieldsOf } from "./fields.ts";

/** A VXLAN device as its host tells of it. */
export interface Vtep {
  readonly vni: number;
  readonly mac: Mac;
}

/** What a host says of itself in its lease (flannel 0.28, pkg/lease/lease.go). */
export interface LeaseRecord {
  /** By which the host knows its lease again, and others reach it. */
  readonly publicIp: Ip;
  readonly publicIpv6?: Ip;
  readonly backend: string;
  /** For packets between IPv4 subnets, with backend `vxlan`. */
  readonly vtep?: Vtep;
  readonly vtepV6?: Vtep;
}

/** The JSON value that flannel writes: JSON.stringify of it is the same to the byte. */
export function encodeRecord({ publicIp, publicIpv6, backend, vtep, vtepV6 }: LeaseRecord): unknown {
  return {
    PublicIP: publicIp,
    PublicIPv6: publicIpv6 ?? null,
    BackendType: backend,
    ...(vtep === undefined ? {} : { BackendData: encodeVtep(vtep) }),
    ...(vtepV6 === undefined ? {} : { BackendV6Data: encodeVtep(vtepV6) }),
  };
}

function encodeVtep({ vni, mac }: Vtep): unknown {
  return { VNI: vni, VtepMAC: mac };
}

/** Undefined for what isn't one, which flannel passes over as well. */
export function decodeRecord(value: unknown): LeaseRecord | undefined {
  try {
    return decode(value);
  } catch (error) {
    if (isNetkitError(error)) return undefined;
    throw error;
  }
}

function decode(value: unknown): LeaseRecord | undefined {
  const fields = fieldsOf(value);
  const publicIp = fields?.get("publicip");
  if (fields === undefined || typeof publicIp !== "string") return undefined;
  const [publicIpv6, backend] = [fields.get("publicipv6"), fields.get("backendtype")];
  const [vtep, vtepV6] = [decodeVtep(fields.get("backenddata")), decodeVtep(fields.get("backendv6data"))];
  return {
    publicIp: parseIp(publicIp),
    ...(typeof publicIpv6 === "string" ? { publicIpv6: parseIp(publicIpv6) } : {}),
    backend: typeof backend === "string" ? backend : "",
    ...(vtep === undefined ? {} : { vtep }),
    ...(vtepV6 === undefined ? {} : { vtepV6 }),
  };
}

/** Of another backend its data are none of ours. */
function decodeVtep(value: unknown): Vtep | undefined {
  const fields = fieldsOf(value);
  const [vni, mac] = [fields?.get("vni") ?? 0, fields?.get("vtepmac")];
  return typeof vni === "number" && typeof mac === "string" ? { vni, mac: parseMac(mac) } : undefined;
}
