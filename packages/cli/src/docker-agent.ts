import type { Status } from "@netkit/agent";
import { agentSocket, askAgent, isNobodyThere } from "@netkit/agent/client";

/** Whether the agent of a root serves Docker; undefined: none runs. */
export async function agentServesDocker(root: string): Promise<boolean | undefined> {
  try {
    const status = (await askAgent(agentSocket(root), { method: "GET", target: "/v1/status" })) as Status;
    return status.engines.includes("Docker");
  } catch (error) {
    if (isNobodyThere(error)) return undefined;
    throw error;
  }
}
