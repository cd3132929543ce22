import { runForeground } from "@netkit/sandbox";
import { command, type Command } from "../command.ts";
import { environment, processOptions } from "../process-options.ts";

export const exec: Command = command({
  name: "exec",
  summary: "Run a further command in a sandbox",
  details: [
    "--json is about netkit's own errors: stdout is the command's alone.",
    "Exit status: the command's own; 125 if netkit failed, 126 if the command can't be executed, 127 if it isn't found,\n128 + n if signal n ended it.",
  ],
  arguments: { SANDBOX: { summary: "Name, id or unique prefix of an id", complete: "sandbox" } },
  takesCommand: true,
  failureCode: 125,
  options: processOptions,
  examples: [
    { line: "netkit exec web -- ip address", summary: "Its interfaces" },
    { line: "netkit exec -e LANG=C -w /srv web -- sh", summary: "A shell in it" },
  ],
  changes: false,
  async run({ open, options, arguments: { SANDBOX }, command: words }) {
    const env = environment(options.env);
    const netkit = await open();
    const sandbox = await netkit.sandboxes.get(SANDBOX);
    const child = await sandbox.run(words, { env, ...(options.workdir === undefined ? {} : { cwd: options.workdir }) });
    const exitCode = await runForeground(child);
    await child.started;
    return { exitCode };
  },
});
