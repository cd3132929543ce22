import { isNetkitError, NetkitError } from "@netkit/core";
import type { NetlinkError } from "@netkit/netlink";

/** How to get what everything but looking takes. */
export const needsRoot = "Run it as root, or with sudo.";

/** The brand of NetlinkError: importing its class would load netlink into commands that only read the state. */
const netlinkBrand = Symbol.for("netkit.netlink-error");

/** The same methods, whose errors are {@link explained}. */
export function explaining<T extends object>(methods: T): T {
  const told = { ...methods };
  for (const key of Reflect.ownKeys(methods)) {
    const method: unknown = Reflect.get(methods, key);
    if (typeof method !== "function") continue;
    Reflect.set(told, key, async (...args: unknown[]): Promise<unknown> => {
      try {
        return await (method as (...args: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        throw explained(error);
      }
    });
  }
  return told;
}

/** What a system call or a file refused, as an error with a code; netkit's own errors as they are. */
export function explained(error: unknown): unknown {
  if (isNetkitError(error) || !(error instanceof Error)) return error;
  if (netlinkBrand in error) {
    const { errno, code, op, message } = error as unknown as NetlinkError;
    if (code === "EPERM" && process.geteuid?.() !== 0) {
      return new NetkitError("PERMISSION", `netkit needs root to ${op}`, {
        hint: needsRoot,
        details: { errno, code, op },
        cause: error,
      });
    }
    return new NetkitError("KERNEL", `the kernel refused: ${message}`, {
      hint: "See 'netkit doctor' and the kernel's log (dmesg).",
      details: { errno, code, op },
      cause: error,
    });
  }
  if ("syscall" in error && "code" in error) {
    if ((error.code === "EACCES" || error.code === "EPERM") && process.geteuid?.() !== 0) {
      return new NetkitError("PERMISSION", `netkit needs root here: ${error.message}`, {
        hint: needsRoot,
        details: { code: error.code },
        cause: error,
      });
    }
    return new NetkitError("KERNEL", `the system refused: ${error.message}`, {
      hint: "See that the file exists, and that its file system can be written and isn't full.",
      details: { code: error.code },
      cause: error,
    });
  }
  return error;
}
