import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { isAnotherEngines, NetkitError } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { rootOf } from "../agent-request.ts";
import { command, type Command } from "../command.ts";
import { agentServesDocker } from "../docker-agent.ts";
import { forgetDocker, servesDocker } from "../docker-service.ts";
import { isSystemdThere, systemctl } from "../systemd.ts";
import { warn } from "../warning.ts";
import { unitName } from "./agent-install.ts";
import { dropInPath } from "./docker-install.ts";

export const dockerUninstall: Command = command({
  name: "docker uninstall",
  summary: "Undo 'docker install': the agent serves Docker no more",
  options: { "no-stop": { summary: "Remove the files, and leave the agent as it is" } },
  examples: [{ line: "netkit docker uninstall", summary: "Once no container is on netkit's networks any more" }],
  changes: false,
  async run({ globals, open, options, terminal }) {
    const root = await rootOf(globals);
    const path = dropInPath(root);
    if (!existsSync(path) && !servesDocker(root))
      return { data: { path, removed: false }, text: "It is not installed." };
    const netkit = await open();
    await refuseContainers(netkit);
    const left = await dockersNetworks(netkit);
    rmSync(path, { force: true });
    const folder = dirname(path);
    if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
    forgetDocker(root);
    // Where systemd doesn't run it has read nothing of this, and no agent of its is to be started anew.
    if (!options["no-stop"] && isSystemdThere()) {
      await systemctl("daemon-reload");
      await systemctl("try-restart", unitName(root));
    }
    if (left.length > 0)
      warn(
        `Docker still has networks of netkit's: ${left.join(", ")}`,
        "Remove them there while an agent serves Docker (netkit agent --docker): dockerd waits 15 s for each when it starts.",
        terminal,
      );
    if ((await agentServesDocker(globals)) === true)
      warn("the agent that runs goes on serving Docker", "End it: netkit agent stop", terminal);
    return { data: { path, removed: true }, text: path };
  },
});

async function dockersNetworks(netkit: Netkit): Promise<string[]> {
  const names: string[] = [];
  for (const { id, name } of await netkit.networks.list())
    if ((await netkit.networks.inspect(id)).joins.length > 0) names.push(name);
  return names;
}

/** Nobody would tell netkit of their end. @throws NetkitError NETWORK_IN_USE */
async function refuseContainers(netkit: Netkit): Promise<void> {
  const sandboxes = (await netkit.sandboxes.list()).filter(({ endpoints }) => endpoints.some(isAnotherEngines));
  const names = sandboxes.map(({ name }) => name);
  if (names.length === 0) return;
  throw new NetkitError("NETWORK_IN_USE", `containers are on netkit's networks: ${names.join(", ")}`, {
    hint: "Remove or disconnect them first, with docker; of those that Docker has forgotten: netkit gc",
    details: { sandboxes: names },
  });
}
