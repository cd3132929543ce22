/**
 * The long-running part of netkit on a host: it serves names in sandboxes, holds published ports, watches processes and
 * tells what happens, over a local API.
 *
 * @packageDocumentation
 */
export { startAgent, type Agent, type AgentOptions, type Runtime } from "./agent.ts";
export type { AgentEvent, Events } from "./events.ts";
export { apiSchema } from "./api-schema.ts";
export { readJson, sendText, serveLocally, type LocalServer } from "./local-server.ts";
export { nameAgentProcess } from "./ground.ts";
export type { Status } from "./status.ts";
