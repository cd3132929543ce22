import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { setImmediate } from "node:timers/promises";
import { isNetkitError, NetkitError } from "@netkit/core";

let system: typeof import("./system.ts") | undefined;

/**
 * The lock of an instance: one operation at a time changes the kernel and the store, whichever process it comes from.
 * It is an flock(2), so that it ends with its process however that ends, behind a queue within this process.
 */
export class Lock {
  readonly #path: string | undefined;
  #queue: Promise<void> = Promise.resolve();
  #fd: number | undefined;

  /** @param path undefined: no process can change anything, so that there is nothing to lock */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** @throws NetkitError LOCKED when another process keeps it for `timeoutMs`, CANCELLED when `signal` aborts first */
  async acquire(signal?: AbortSignal, timeoutMs = 60_000): Promise<Disposable> {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const before = this.#queue;
    this.#queue = before.then(() => released);
    try {
      await before;
      throwIfAborted(signal);
      await this.#flock(signal, timeoutMs);
    } catch (error) {
      release();
      throw error;
    }
    return {
      [Symbol.dispose]: () => {
        this.#unlock();
        release();
      },
    };
  }

  async #flock(signal: AbortSignal | undefined, timeoutMs: number): Promise<void> {
    if (this.#path === undefined) return;
    const { LOCK_EX, LOCK_NB, syscalls } = (system ??= await import("./system.ts"));
    this.#fd ??= openSync(this.#path, "a", 0o600);
    // Asked only when somebody has it: Node loads what knows the time when it is first asked for, 1 ms of a command.
    let deadline: number | undefined;
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 20)) {
      const result = syscalls().flock(this.#fd, LOCK_EX | LOCK_NB);
      if (result >= 0) return;
      if (result !== -constants.errno.EAGAIN && result !== -constants.errno.EINTR) {
        throw new NetkitError("STATE_UNWRITABLE", `can't lock ${this.#path} (errno ${-result})`, {
          hint: "The state directory must be on a file system with flock(2).",
        });
      }
      deadline ??= performance.now() + timeoutMs;
      if (performance.now() >= deadline) {
        throw new NetkitError(
          "LOCKED",
          `another netkit process has held ${this.#path} for ${Math.round(timeoutMs / 1000)} s`,
          {
            hint: `See who: fuser -v ${this.#path}`,
          },
        );
      }
      // A blocking flock on a worker thread couldn't be given up when the signal aborts.
      await new Promise<void>((resolve) => setTimeout(resolve, waitMs));
      throwIfAborted(signal);
    }
  }

  #unlock(): void {
    if (this.#fd === undefined || system === undefined) return;
    // With the file the lock goes in any case.
    if (system.syscalls().flock(this.#fd, system.LOCK_UN) < 0) this.close();
  }

  /** Gives up the file. Only when nobody has the lock or waits for it. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new NetkitError("CANCELLED", "cancelled; nothing was changed", { cause: signal.reason });
}

/**
 * Gives up here if the caller did. Signals of the process, such as Ctrl-C's, are delivered when the event loop turns, and
 * work that waits for nothing keeps it from turning.
 */
export async function giveUpIfAborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await setImmediate();
  throwIfAborted(signal);
}

/** True for the error of {@link Lock.acquire} that says that somebody else has it. */
export function isLocked(error: unknown): boolean {
  return isNetkitError(error) && error.code === "LOCKED";
}
