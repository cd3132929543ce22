import { resolve } from "node:path";
import { agentSocket, askAgent, type AgentRequest } from "@netkit/agent/client";
import { defaultRoot } from "@netkit/core";
import type { Globals } from "./globals.ts";
import { readSettings } from "./settings.ts";

/** The root that the options, the environment or the configuration name. */
export async function rootOf(globals: Globals): Promise<string> {
  return resolve((await readSettings(globals)).root ?? defaultRoot);
}

/** @throws NetkitError AGENT_NOT_FOUND, AGENT_UNAVAILABLE, and what the agent answers with */
export async function askTheAgent(
  globals: Globals,
  request: AgentRequest,
  onLine?: (line: string) => void,
): Promise<unknown> {
  return await askAgent(agentSocket(await rootOf(globals)), request, onLine);
}
