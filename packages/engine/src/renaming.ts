import { NetkitError, parseName, type Endpoint, type Sandbox } from "@netkit/core";
import { parseHostname } from "@netkit/sandbox";
import type { SandboxNames } from "./api.ts";
import { attachedTo } from "./attached.ts";
import type { Draft } from "./draft.ts";
import { namespaceOf } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { shareNames } from "./shared/presence.ts";
import { keys } from "./state.ts";

/**
 * Other names for a sandbox that has no files of netkit's, which would name it as well. Nothing changes in the kernel.
 * @throws NetkitError UNSUPPORTED, NAME_TAKEN, NAME_INVALID
 */
export async function rename(context: Context, draft: Draft, sandbox: Sandbox, names: SandboxNames): Promise<Sandbox> {
  if ((await draft.owned(sandbox.namespace)) !== undefined) {
    throw new NetkitError("UNSUPPORTED", `sandbox '${sandbox.name}' has files that name it`, {
      hint: "Its name stays; 'network connect --alias' gives another one.",
    });
  }
  const name = names.name === undefined ? sandbox.name : parseName("sandbox", names.name);
  if (name !== sandbox.name && (await draft.has(keys.sandboxName(name)))) {
    throw new NetkitError("NAME_TAKEN", `sandbox '${name}' exists already`, { hint: "Choose another name." });
  }
  const hostname = names.hostname === undefined ? sandbox.hostname : parseHostname(names.hostname);
  const renamed: Sandbox = { ...sandbox, name, hostname };
  draft.delete(keys.sandboxName(sandbox.name));
  draft.put(keys.sandboxName(name), sandbox.id);
  draft.put(keys.sandbox(sandbox.id), renamed);
  for (const { endpoint, network } of await attachedTo(draft, await namespaceOf(draft, sandbox.namespace))) {
    const given = names.aliases?.[network.id];
    const aliases = given === undefined ? endpoint.aliases : given.map((alias) => parseName("alias", alias));
    const known: Endpoint = { ...endpoint, aliases };
    draft.put(keys.endpoint(endpoint.id), known);
    const owned = await draft.owned(endpoint.id);
    if (owned !== undefined) draft.want({ ...owned.owner, name: `${name}@${network.name}` }, owned.resources);
    if (network.scope !== "global") continue;
    // What was written for its other hosts is its own as before, and none of it to be taken back.
    draft.recovery = "finish";
    await shareNames(context, draft, network, renamed, known);
  }
  return renamed;
}
