import { toNetkitError, type NetkitError } from "@netkit/core";

/** Does `act` for each name, goes on after failures, and tells what failed. */
export async function forEach<T>(
  names: readonly string[],
  act: (name: string) => Promise<T>,
): Promise<{ done: T[]; errors: NetkitError[] }> {
  const done: T[] = [];
  const errors: NetkitError[] = [];
  for (const name of names) {
    try {
      done.push(await act(name));
    } catch (thrown) {
      const error = toNetkitError(thrown);
      // Whoever gave up wants none of the rest either.
      if (error.kind === "cancelled" || error.kind === "internal") throw error;
      errors.push(error);
    }
  }
  return { done, errors };
}
