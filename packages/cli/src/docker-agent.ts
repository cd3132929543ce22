import type { Status } from "@netkit/agent";
import { isNobodyThere } from "@netkit/agent/client";
import { askTheAgent } from "./agent-request.ts";
import type { Globals } from "./globals.ts";

/** Whether the agent serves Docker; undefined: none runs. */
export async function agentServesDocker(globals: Globals): Promise<boolean | undefined> {
  try {
    const status = (await askTheAgent(globals, { method: "GET", target: "/v1/status" })) as Status;
    return status.engines.includes("Docker");
  } catch (error) {
    if (isNobodyThere(error)) return undefined;
    throw error;
  }
}
