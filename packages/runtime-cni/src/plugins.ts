import type { Netkit } from "@netkit/engine";
import type { Answer } from "@netkit/runtime";
import { ipamPlugin } from "./ipam-plugin.ts";
import type { PluginType } from "./names.ts";
import { networkPlugin } from "./network-plugin.ts";
import { answer, type Plugin, type PluginCall } from "./plugin.ts";

/** The plugins by their types, which are the names of their executables. */
const plugins: Readonly<Record<PluginType, Plugin>> = { netkit: networkPlugin, "netkit-ipam": ipamPlugin };

/**
 * Answers one call of a plugin. It doesn't throw: what goes wrong is an answer.
 * @param open opens the instance; called when the call needs it
 */
export async function answerPlugin(type: PluginType, call: PluginCall, open: () => Promise<Netkit>): Promise<Answer> {
  return await answer(plugins[type], call, open);
}
