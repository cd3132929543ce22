import { isNetkitError, NetkitError, type ErrorCode } from "@netkit/core";
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
 * Looks, where an operation was refused, for what stands in its way and needn't: then that is put right, and the operation is to be
 * built again. Sandboxes that are over (a container that its engine has forgotten, a guest whose namespace was deleted) hold names, addresses
 * and ports until somebody asks for these; and a network's link that was deleted by hand is made anew, as other systems do with each attach.
 */
export async function clearing<T>(context: Context, options: ChangeOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (options.dryRun === true || !isNetkitError(error)) throw error;
    throw (await isCleared(context, options, error)) ? new Again(error) : error;
  }
}

async function isCleared(context: Context, { onWarning }: ChangeOptions, error: NetkitError): Promise<boolean> {
  const { code, details } = error;
  if (taken.has(code)) {
    // Nobody else needs it loaded.
    const { removeOver } = await import("./maintenance.ts");
    return (await removeOver(context, "remove sandboxes that are over", {})).length > 0;
  }
  const { link, namespace } = details;
  if (code !== "LINK_NOT_FOUND" || namespace !== "host" || typeof link !== "string") return false;
  const { mendLink } = await import("./maintenance.ts");
  const network = await mendLink(context, link);
  if (network === undefined) return false;
  const message = `link '${link}' of network '${network}' was gone: it has been made anew`;
  onWarning?.(
    new NetkitError("LINK_NOT_FOUND", message, { hint: "'netkit doctor' tells what else is missing.", details }),
  );
  return true;
}
