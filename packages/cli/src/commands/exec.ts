import { runForeground } from "@netkit/sandbox";
import { command, type Command } from "../command.ts";
import { checkLog, launchOptions } from "../launch.ts";
import { environment, processOptions, variables } from "../process-options.ts";

export const exec: Command = command({
  name: "exec",
  summary: "Run a further command in a sandbox",
  details: [
    "The command is one of the host's, with its files, in the sandbox's network, resolv.conf and hosts: of a container of\nanother engine, too, whose own files 'docker exec' and 'podman exec' see.",
    "--json is about netkit's own errors: stdout is the command's alone. With -d it prints the pid; the output is lost\nwithout --log.",
    "Exit status: the command's own; 125 if netkit failed, 126 if the command can't be executed, 127 if it isn't found,\n128 + n if signal n ended it.",
  ],
  arguments: { SANDBOX: { summary: "Name, id or unique prefix of an id", complete: "sandbox" } },
  takesCommand: true,
  failureCode: 125,
  options: {
    ...processOptions,
    detach: { short: "d", summary: "Leave it running" },
    log: launchOptions.log,
  },
  examples: [
    { line: "netkit exec web -- ip address", summary: "Its interfaces" },
    { line: "netkit exec -e LANG=C -w /srv web -- sh", summary: "A shell in it" },
  ],
  changes: false,
  async run({ open, options, arguments: { SANDBOX }, command: words }) {
    const env = environment(variables(options));
    checkLog(options);
    const netkit = await open();
    const sandbox = await netkit.sandboxes.get(SANDBOX);
    const start = { env, ...(options.workdir === undefined ? {} : { cwd: options.workdir }) };
    if (options.detach) {
      const stdio = options.log === undefined ? ("ignore" as const) : { log: options.log };
      const left = await sandbox.run(words, { ...start, stdio, detached: true });
      await left.started;
      left.unref();
      return { data: { pid: left.pid } };
    }
    const child = await sandbox.run(words, start);
    const exitCode = await runForeground(child);
    await child.started;
    return { exitCode };
  },
});
