import { parseIp, type Ip, type Sandbox } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { namespaceOf } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { refreshFiles } from "./sandbox-files.ts";
import { keys } from "./state.ts";

/** Has a sandbox ask other name servers for what has no name on its networks; none: those of the host. */
export async function changeNameServers(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  servers: readonly (Ip | string)[],
): Promise<Sandbox> {
  const changed: Sandbox = { ...sandbox, dns: { ...sandbox.dns, servers: servers.map(parseIp) } };
  draft.put(keys.sandbox(sandbox.id), changed);
  await refreshFiles(context, draft, changed, await namespaceOf(draft, sandbox.namespace));
  return changed;
}
