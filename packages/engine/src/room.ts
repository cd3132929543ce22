import { isNetkitError, type ErrorCode } from "@netkit/core";
import type { ChangeOptions } from "./api.ts";
import type { Context } from "./operation.ts";
import { Again } from "./shared/again.ts";

/** What is said of something that somebody else has. */
const taken: ReadonlySet<ErrorCode> = new Set([
  "ADDRESS_TAKEN",
  "NAME_TAKEN",
  "NETWORK_IN_USE",
  "POOL_EXHAUSTED",
  "PORT_TAKEN",
]);

/**
 * Sandboxes that are over (a container that its engine has forgotten, a guest whose namespace was deleted) hold names, addresses and ports until
 * somebody asks for these: then they are removed, and the operation is built again.
 */
export async function makingRoom<T>(context: Context, { dryRun }: ChangeOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (dryRun === true || !isNetkitError(error) || !taken.has(error.code)) throw error;
    // Nobody else needs it loaded.
    const { removeOver } = await import("./maintenance.ts");
    const removed = await removeOver(context, "remove sandboxes that are over", {});
    throw removed.length === 0 ? error : new Again(error);
  }
}
