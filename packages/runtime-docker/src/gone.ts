import { isNetkitError } from "@netkit/core";

/** Whether an error says that a network isn't there, or isn't any more. */
export function isGone(error: unknown): boolean {
  return isNetkitError(error) && error.code === "NETWORK_NOT_FOUND";
}

/** What is asked of a network; undefined: it isn't there. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
