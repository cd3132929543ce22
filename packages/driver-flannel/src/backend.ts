import { NetkitError } from "@netkit/core";
import { fieldsOf } from "./fields.ts";

/** How packets get from host to host: flannel's word is also that of its leases. */
export type Backend = VxlanBackend | { readonly type: "host-gw" };

export interface VxlanBackend {
  readonly type: "vxlan";
  readonly vni: number;
  /** UDP, on all hosts alike. */
  readonly port: number;
  /** Of the underlay, instead of its link's. */
  readonly mtu?: number;
  readonly learning: boolean;
  /** Marks of packets go with them (VXLAN group policy). */
  readonly gbp: boolean;
  /** Hosts on the link are reached without a tunnel. */
  readonly directRouting: boolean;
}

/** Where `Backend` says nothing of it (flannel 0.28, pkg/backend/vxlan; the port is the kernel's). */
const defaults = { vni: 1, port: 8472 } as const;

/** The device is called `flannel.<VNI>`, and a link's name has 15 bytes. */
const mostVni = 9_999_999;

/** @throws NetkitError UNSUPPORTED for other backends, and what `fail` throws */
export function backendOf(value: unknown, fail: (why: string) => never): Backend {
  // What flannel takes then, whatever its documentation says.
  if (value === undefined) throw unsupported("udp, for it names none");
  const fields = fieldsOf(value) ?? fail("has a Backend that is no object");
  const type = fields.get("type") ?? "";
  if (typeof type !== "string") return fail("has a Backend whose Type is no text");
  const word = type.toLowerCase();
  if (word === "host-gw") return { type: word };
  if (word !== "vxlan") throw unsupported(JSON.stringify(type));
  const flag = (name: string): boolean => {
    const found = fields.get(name.toLowerCase()) ?? false;
    return typeof found === "boolean" ? found : fail(`has a Backend whose ${name} is neither true nor false`);
  };
  const number = (name: string, most: number): number | undefined => {
    const found = fields.get(name.toLowerCase());
    if (found === undefined) return undefined;
    if (typeof found === "number" && Number.isInteger(found) && found >= 0 && found <= most) return found;
    return fail(`has a Backend whose ${name} is no whole number up to ${most}`);
  };
  const mtu = number("MTU", 65_535);
  return {
    type: word,
    vni: number("VNI", mostVni) ?? defaults.vni,
    port: number("Port", 65_535) || defaults.port,
    ...(mtu === undefined ? {} : { mtu }),
    learning: flag("Learning"),
    gbp: flag("GBP"),
    directRouting: flag("DirectRouting"),
  };
}

function unsupported(what: string): NetkitError {
  return new NetkitError(
    "UNSUPPORTED",
    `flannel's configuration has the backend ${what}; netkit has vxlan and host-gw`,
    {
      hint: 'All hosts of a flannel network have one backend: set "Backend": {"Type": "vxlan"} if that can be.',
    },
  );
}
