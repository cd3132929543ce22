import { statfsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { isNetkitError, NetkitError, type HandlerContext, type NamespaceId, type NamespaceRef } from "@netkit/core";
import { openNamespace, openNetlink, withNamespace, type NamespaceHandle, type NetlinkSocket } from "@netkit/netlink";

/** Where `ip netns` keeps its namespaces. */
export const NAMESPACES = "/run/netns";

interface Opened {
  readonly handle: NamespaceHandle;
  socket?: NetlinkSocket;
}

/**
 * The namespaces that one piece of work goes to. An open descriptor or socket keeps a namespace alive, so sandboxes'
 * are closed with the work; the host's socket belongs to the handler.
 */
export class Namespaces implements Disposable {
  readonly #context: HandlerContext;
  readonly #host: () => NetlinkSocket;
  readonly #opened = new Map<NamespaceRef, Opened>();
  /** Where a visit has taken the thread. */
  #at: NamespaceRef = "host";

  constructor(context: HandlerContext, host: () => NetlinkSocket) {
    this.#context = context;
    this.#host = host;
  }

  /** What opens a sandbox's namespace now; undefined: nothing is known to. */
  path(ns: NamespaceRef): string | undefined {
    return ifThere(() => this.#context.namespacePath(ns));
  }

  /** A file descriptor of the namespace. @throws NetkitError NAMESPACE_NOT_FOUND */
  fd(ns: NamespaceRef): number {
    return this.#open(ns).handle.fd;
  }

  /** @throws NetkitError NAMESPACE_NOT_FOUND */
  socket(ns: NamespaceRef): NetlinkSocket {
    if (ns === "host") return this.#host();
    const opened = this.#open(ns);
    return (opened.socket ??= openNetlink(this.#at === ns ? {} : { namespace: opened.handle.fd }));
  }

  /** Runs `work`, which is synchronous, with the thread in the namespace. */
  within<T>(ns: NamespaceRef, work: () => T): T {
    return ns === this.#at ? work() : withNamespace(this.fd(ns), work);
  }

  /** As {@link within}, once: whatever `work` asks of the namespace here needs no further way there, and then it is let go. */
  visit<T>(ns: NamespaceId, work: () => T): T {
    // The host's are those of where the thread is when they are first needed: that has to be now.
    this.#host();
    this.fd("host");
    return withNamespace(this.fd(ns), () => {
      this.#at = ns;
      try {
        return work();
      } finally {
        this.#at = "host";
        this.#close(ns);
      }
    });
  }

  [Symbol.dispose](): void {
    for (const ns of this.#opened.keys()) this.#close(ns);
  }

  #close(ns: NamespaceRef): void {
    const opened = this.#opened.get(ns);
    opened?.socket?.close();
    opened?.handle.close();
    this.#opened.delete(ns);
  }

  #open(ns: NamespaceRef): Opened {
    let opened = this.#opened.get(ns);
    if (opened === undefined) {
      opened = { handle: ns === "host" ? openNamespace() : openSandbox(this.#context.namespacePath(ns)) };
      this.#opened.set(ns, opened);
    }
    return opened;
  }
}

/** The type of the file system that namespaces are files of (linux/magic.h). */
const NSFS_MAGIC = 0x6e736673;

/** The file that a namespace was mounted on may outlive it. */
function openSandbox(path: string): NamespaceHandle {
  let cause: unknown;
  try {
    if (statfsSync(path).type === NSFS_MAGIC) return openNamespace(path);
  } catch (error) {
    if (!isGone(error)) throw error;
    cause = error;
  }
  throw new NetkitError("NAMESPACE_NOT_FOUND", `the network namespace ${path} is gone`, {
    hint: "If a process still lives in it, 'netkit doctor --repair' brings its name back.",
    cause,
  });
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What `work` returns; undefined when the namespace is gone. */
export function ifThere<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isNetkitError(error) && error.code === "NAMESPACE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** The name that `ip -n` knows a namespace by; undefined for one that lies elsewhere. */
export function namespaceName(path: string): string | undefined {
  return dirname(path) === NAMESPACES ? basename(path) : undefined;
}
