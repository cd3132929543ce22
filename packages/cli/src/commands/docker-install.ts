import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NetkitError } from "@netkit/core";
import { rootOf } from "../agent-request.ts";
import { command, type Command } from "../command.ts";
import { agentServesDocker } from "../docker-agent.ts";
import { rememberDocker } from "../docker-service.ts";
import { isSystemdThere, systemctl, unitFolder } from "../systemd.ts";
import { unitName } from "./agent-install.ts";

/** What a root adds to Docker's unit: its agent is there before Docker asks for its networks. */
export function dropInPath(root: string): string {
  return join(unitFolder, "docker.service.d", unitName(root).replace(/\.service$/, ".conf"));
}

function dropIn(root: string): string {
  const agent = unitName(root);
  return `# Of 'netkit docker install': containers on netkit's networks need its agent.
[Unit]
Wants=${agent}
After=${agent}
`;
}

export const dockerInstall: Command = command({
  name: "docker install",
  summary: "Have the agent serve Docker's containers, and Docker wait for the agent",
  details: [
    "From the agent's next start on it is the network drivers netkit, netkit-overlay, netkit-macvlan and netkit-flannel\nand the IPAM driver netkit to Docker, by sockets in /run/docker/plugins. Docker's unit gets a drop-in, so that systemd starts the agent first; dockerd isn't\nstarted anew.",
  ],
  options: {
    "no-start": { summary: "Write the files, and have systemd neither read them nor start the agent anew" },
    print: { summary: "Print the drop-in and do nothing" },
  },
  examples: [
    {
      line: "netkit docker install && netkit agent install",
      summary: "From nothing: Docker can use netkit's networks",
    },
    { line: "docker network create -d netkit --ipam-driver netkit my-net", summary: "What it is for" },
  ],
  changes: false,
  async run({ globals, options }) {
    const root = await rootOf(globals);
    const path = dropInPath(root);
    const unit = dropIn(root);
    if (options.print) return { data: { path, unit }, text: unit.trimEnd() };
    if (!options["no-start"] && !isSystemdThere()) {
      throw new NetkitError("UNSUPPORTED", "systemd doesn't run on this machine, and nothing was written", {
        hint: "With --no-start each agent serves Docker from its next start on, whoever starts it; just now: netkit agent --docker",
      });
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, unit);
    rememberDocker(root);
    const agent = unitName(root);
    const isService = existsSync(join(unitFolder, agent));
    if (!options["no-start"]) {
      await systemctl("daemon-reload");
      if (isService) await systemctl("try-restart", agent);
    }
    const next = [
      ...(isService ? [] : ["Next, if no agent is to be started by hand: netkit agent install"]),
      ...((await agentServesDocker(globals)) === false
        ? ["The agent that runs doesn't serve Docker, the next one does: netkit agent stop"]
        : []),
    ];
    return { data: { path, agent, started: isService && !options["no-start"] }, text: [path, ...next].join("\n") };
  },
});
