import { agentLink } from "@netkit/agent/client";
import type { AgentLink } from "@netkit/engine";
import { startAgentProcess } from "./agent-process.ts";
import { servesDocker } from "./docker-service.ts";
import { formatFailure } from "./failure.ts";
import type { Globals } from "./globals.ts";
import { terminal } from "./terminal.ts";

/** Tells the agent of a root of changes; one that can't be reached is a warning, for the change stands. */
export function linkTo(root: string, globals: Pick<Globals, "config" | "firewall" | "no-color">): AgentLink {
  return agentLink({
    root,
    engines: servesDocker(root) ? ["Docker"] : [],
    start: async () => await startAgentProcess(root, globals),
    warn: (error) => {
      const view = terminal(globals["no-color"]);
      process.stderr.write(`${formatFailure(error, view).replace("error:", "warning:")}\n`);
    },
  });
}
