import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultRoot, instanceOf } from "@netkit/core";
import { agentProgram, sameSettings } from "../agent-process.ts";
import { command, type Command } from "../command.ts";
import { readSettings } from "../settings.ts";
import { renderUnit, systemctl, unitFolder } from "../systemd.ts";

/** The unit of a root: `netkit-agent.service`, or with the tag of another root. */
export function unitName(root: string): string {
  return `${instanceOf(root).mark.replace("netkit", "netkit-agent")}.service`;
}

export const agentInstall: Command = command({
  name: "agent install",
  summary: "Have systemd run an agent, from now on and after each boot",
  options: {
    "no-start": { summary: "Write the unit, and neither enable nor start it" },
    print: { summary: "Print the unit and do nothing" },
  },
  examples: [
    { line: "netkit agent install", summary: "Write, enable and start the service" },
    { line: "netkit agent install --print", summary: "See what would be written" },
  ],
  changes: false,
  async run({ globals, options }) {
    const root = resolve((await readSettings(globals)).root ?? defaultRoot);
    const name = unitName(root);
    const path = join(unitFolder, name);
    const unit = renderUnit({ command: [...agentProgram(), "agent", ...sameSettings(root, globals)], root });
    if (options.print) return { data: { path, unit }, text: unit.trimEnd() };
    mkdirSync(unitFolder, { recursive: true });
    writeFileSync(path, unit);
    if (!options["no-start"]) {
      await systemctl("daemon-reload");
      await systemctl("enable", "--now", name);
    }
    return { data: { path, unit: name, started: !options["no-start"] }, text: path };
  },
});
