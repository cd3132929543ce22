import assert from "node:assert/strict";

/** Long enough for a store on a busy machine; who waits longer has lost what it waits for. */
export const patienceMs = 10_000;

/** The result of something that must not take long. */
export async function soon<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new assert.AssertionError({ message: `${what} takes longer than ${patienceMs} ms` }));
  }, patienceMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
