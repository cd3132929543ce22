import { NetkitError } from "@netkit/core";

/** So many others would have to be faster, one after the other. */
const most = 20;

/** Thrown while an operation is built or shared: nothing has changed, and it is to be built again. */
export class Again extends Error {
  /** What is wrong if it can't be mended. */
  readonly reason: NetkitError;
  /** What to do before, without the lock. */
  readonly prepare: () => Promise<void>;

  constructor(reason: NetkitError, prepare: () => Promise<void> = async () => {}) {
    super(reason.message, { cause: reason });
    this.reason = reason;
    this.prepare = prepare;
  }
}

/** Works until it is not to be done again. @throws the reason of an {@link Again} that has come too often */
export async function untilDone<T>(work: (assumed: Map<string, unknown>) => Promise<T>): Promise<T> {
  const assumed = new Map<string, unknown>();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(assumed);
    } catch (error) {
      if (!(error instanceof Again)) throw error;
      if (attempt === most) throw error.reason;
      await error.prepare();
    }
  }
}
