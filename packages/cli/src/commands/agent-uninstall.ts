import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { defaultRoot, toNetkitError, type NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { readSettings } from "../settings.ts";
import { systemctl, unitFolder } from "../systemd.ts";
import { warn } from "../warning.ts";
import { unitName } from "./agent-install.ts";

export const agentUninstall: Command = command({
  name: "agent uninstall",
  summary: "Stop and remove the service that 'agent install' made",
  options: { "no-stop": { summary: "Remove the unit, and leave the agent running" } },
  examples: [{ line: "netkit agent uninstall", summary: "Stop and disable it, and remove the unit" }],
  changes: false,
  async run({ globals, options, terminal }) {
    const name = unitName(resolve((await readSettings(globals)).root ?? defaultRoot));
    const path = join(unitFolder, name);
    if (!existsSync(path)) return { data: { path, removed: false }, text: "It is not installed." };
    const stopped = options["no-stop"] ? undefined : await attempt("disable", "--now", name);
    rmSync(path);
    const reloaded = options["no-stop"] ? undefined : await attempt("daemon-reload");
    const failure = stopped ?? reloaded;
    if (failure !== undefined) {
      const hint = "If an agent still runs, this ends it: netkit agent stop";
      warn(`${failure.message}; the unit is removed all the same`, hint, terminal);
    }
    return { data: { path, removed: true }, text: path };
  },
});

/** What goes wrong: where no systemd runs there is still a file to remove. */
async function attempt(...words: string[]): Promise<NetkitError | undefined> {
  try {
    await systemctl(...words);
    return undefined;
  } catch (error) {
    return toNetkitError(error);
  }
}
