import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    const before = existsSync(path) ? readFileSync(path) : undefined;
    writeFileSync(path, unit);
    if (!options["no-start"]) {
      try {
        await systemctl("daemon-reload");
        await systemctl("enable", "--now", name);
      } catch (error) {
        await undo(name, path, before);
        throw error;
      }
    }
    return { data: { path, unit: name, started: !options["no-start"] }, text: path };
  },
});

/** Leaves what there was, and nothing where there was none. */
async function undo(name: string, path: string, before: Buffer | undefined): Promise<void> {
  if (before !== undefined) return writeFileSync(path, before);
  // It may have got as far as its start, which is tried again and again. What systemctl says of it has been said.
  await systemctl("disable", "--now", name).catch(() => {});
  rmSync(path);
}
