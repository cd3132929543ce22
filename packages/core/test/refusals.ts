import { expect } from "vitest";
import { isNetkitError, type ErrorCode, type NetkitError } from "../src/index.ts";

/** The error that `work` throws, which must be a NetkitError of that code, with a hint, on one line of bearable length. */
export function refusal(code: ErrorCode, work: () => unknown): NetkitError {
  let result: unknown;
  try {
    result = work();
  } catch (error) {
    if (!isNetkitError(error)) throw error;
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(/\.$|\?$/);
    expect(error.message.length).toBeLessThan(320);
    // oxlint-disable-next-line no-control-regex -- what would upset a terminal or a log
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
    return error;
  }
  throw new Error(`accepted: ${JSON.stringify(result)}`);
}

/** True if `work` gives a value, false if it refuses with that code. Anything else that it throws is thrown on. */
export function accepts(code: ErrorCode, work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (isNetkitError(error) && error.code === code) return false;
    throw error;
  }
}
