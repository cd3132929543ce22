import { isNetkitError } from "@netkit/core";
import { isMissingDocument } from "./lookup.ts";

/** Others would have to change the very same documents so many times in a row. */
const attempts = 20;

/**
 * Reads documents that name each other, without the lock. What another process removes in between seems to be missing from
 * the state: then it is read again, and by then the one that named it is gone, too.
 * @param read is told whether it reads again
 */
export async function consistently<T>(read: (again: boolean) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read(attempt > 1);
    } catch (error) {
      if (attempt === attempts || !isNetkitError(error) || !isMissingDocument(error)) throw error;
    }
  }
}
