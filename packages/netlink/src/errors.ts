import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

const BRAND = Symbol.for("netkit.netlink-error");

/** Those that Node has no name for come first. */
const NAMES = new Map<number, string>([
  [54, "EXFULL"],
  [524, "ENOTSUPP"],
]);
for (const [name, value] of Object.entries(constants.errno)) {
  if (!NAMES.has(value) || name === "EAGAIN" || name === "EOPNOTSUPP") NAMES.set(value, name);
}

/** What a {@link NetlinkError} is made of. */
export interface NetlinkErrorDetails {
  /** What was tried, and on which object: `create veth "a0"`. */
  readonly op: string;
  /** The positive errno. */
  readonly errno: number;
  /** The kernel's own explanation (NLMSGERR_ATTR_MSG, linux/netlink.h), when it gave one. */
  readonly extack?: string | undefined;
  /** Where in the request the kernel saw the fault, in bytes from its header (NLMSGERR_ATTR_OFFS). */
  readonly offset?: number | undefined;
  /** The type of the attribute at fault: the one at `offset`, or the one the kernel missed. */
  readonly attribute?: number | undefined;
  /** The namespace of the socket: the path it was opened with, or `fd 7`; absent for the caller's own. */
  readonly namespace?: string | undefined;
}

/** A system call or netlink request that the kernel refused, or a reply that can't be understood (EBADMSG). */
export class NetlinkError extends Error implements NetlinkErrorDetails {
  readonly op: string;
  readonly errno: number;
  /** The errno's name, `EEXIST`. */
  readonly code: string;
  readonly extack?: string | undefined;
  readonly offset?: number | undefined;
  readonly attribute?: number | undefined;
  readonly namespace?: string | undefined;

  constructor(details: NetlinkErrorDetails) {
    const { op, errno, extack, namespace } = details;
    const code = errnoName(errno);
    const reason = extack ?? getSystemErrorMap().get(-errno)?.[1] ?? "unknown error";
    super(`${op}${namespace === undefined ? "" : ` in namespace ${namespace}`}: ${reason} (${code})`);
    this.op = op;
    this.errno = errno;
    this.code = code;
    this.extack = extack;
    this.offset = details.offset;
    this.attribute = details.attribute;
    this.namespace = namespace;
  }
}

Object.defineProperties(NetlinkError.prototype, {
  name: { value: "NetlinkError", configurable: true, writable: true },
  [BRAND]: { value: true },
});

/** Whether `value` is a {@link NetlinkError}, of this or of another copy of the package. */
export function isNetlinkError(value: unknown): value is NetlinkError {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** The name of a positive errno: `EEXIST`; `errno 600` for one without a name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** A reply that breaks the format's rules. */
export function malformed(what: string): NetlinkError {
  return new NetlinkError({ op: "decode netlink message", errno: constants.errno.EBADMSG, extack: what });
}

/** Return a system call's result, or throw its errno. */
export function checked(result: number, op: string): number {
  if (result < 0) throw new NetlinkError({ op, errno: -result });
  return result;
}
