import { NetkitError, toNetkitError } from "@netkit/core";

/** Does `act` for each name, goes on after failures but not after Ctrl-C, and tells what failed. */
export async function forEach<T>(
  names: readonly string[],
  act: (name: string) => Promise<T>,
): Promise<{ done: T[]; errors: NetkitError[] }> {
  const done: T[] = [];
  const errors: NetkitError[] = [];
  for (const [index, name] of names.entries()) {
    try {
      done.push(await act(name));
    } catch (thrown) {
      const error = toNetkitError(thrown);
      if (error.kind === "internal" || (error.kind === "cancelled" && index === 0)) throw error;
      if (error.kind === "cancelled") {
        // Whoever gave up wants none of the rest either.
        const left = names.slice(index);
        const message = `cancelled; left as ${left.length === 1 ? "it was" : "they were"}: ${left.join(", ")}`;
        errors.push(new NetkitError("CANCELLED", message, { details: { left }, cause: error }));
        break;
      }
      errors.push(error);
    }
  }
  return { done, errors };
}
