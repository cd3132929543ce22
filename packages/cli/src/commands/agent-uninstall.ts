import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultRoot } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { readSettings } from "../settings.ts";
import { systemctl, unitFolder } from "../systemd.ts";
import { unitName } from "./agent-install.ts";

export const agentUninstall: Command = command({
  name: "agent uninstall",
  summary: "Stop and remove the service that 'agent install' made",
  options: { "no-stop": { summary: "Remove the unit, and leave the agent running" } },
  examples: [{ line: "netkit agent uninstall", summary: "Stop and disable it, and remove the unit" }],
  changes: false,
  async run({ globals, options }) {
    const name = unitName(resolve((await readSettings(globals)).root ?? defaultRoot));
    const path = join(unitFolder, name);
    if (!existsSync(path)) return { data: { path, removed: false }, text: "It is not installed." };
    if (!options["no-stop"]) await systemctl("disable", "--now", name);
    rmSync(path);
    if (!options["no-stop"]) await systemctl("daemon-reload");
    return { data: { path, removed: true }, text: path };
  },
});
