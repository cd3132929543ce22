import { NetkitError } from "@netkit/core";
import { command, type Command, type Result } from "../command.ts";
import { endpointOptions } from "../endpoint-request.ts";
import { environment, processOptions } from "../process-options.ts";
import { sandboxOptions, sandboxRequest } from "../sandbox-request.ts";
import { enter } from "../shell.ts";
import { makeLogPath, sweepLogs } from "../logs.ts";

export const run: Command = command({
  name: "run",
  summary: "Run a command in a new sandbox",
  details: [
    "In the foreground, stdin, the terminal, signals and the exit status pass through. Without --rm the sandbox stays\nafterwards ('sandbox ls' shows it as exited). --ip, --alias, --publish and their like are about the first network.",
    "With -d the process is left running with no netkit process beside it; its output goes to the file 'logs/ID.log' in\nthe state directory, which goes with the sandbox, or to the file of --log, which stays.",
    "--json is about netkit's own output: in the foreground, stdout is the command's alone.",
    "Exit status: the command's own; 125 if netkit failed, 126 if the command can't be executed, 127 if it isn't found,\n128 + n if signal n ended it.",
  ],
  takesCommand: true,
  failureCode: 125,
  options: {
    ...sandboxOptions,
    ...endpointOptions,
    rm: { summary: "Remove the sandbox when the command has ended" },
    detach: { short: "d", summary: "Leave it running and print the sandbox's id" },
    log: { value: "FILE", summary: "With -d: append the output to this file", complete: "path" },
    ...processOptions,
  },
  examples: [
    { line: "netkit run --rm -- ping -c 1 192.0.2.1", summary: "On the network 'bridge', gone afterwards" },
    {
      line: "netkit run -d --name web --network my-net -p 8080:80 -- python3 -m http.server 80",
      summary: "A server with a published port",
    },
    { line: "netkit run --rm --network container:web -- ip address", summary: "In the namespace of another sandbox" },
    {
      line: "netkit run --rm --network name=my-net,ip=10.7.0.9,alias=api -- sh",
      summary: "A shell with an address and a further name",
    },
    { line: "netkit run --rm --network none -- ip link", summary: "A loopback interface alone" },
  ],
  changes: true,
  async run({ open, options, command: words, change }): Promise<Result> {
    const request = { ...sandboxRequest(options, ["bridge"]), autoRemove: options.rm };
    const env = environment(options.env);
    const netkit = await open();
    const sandbox = await netkit.sandboxes.open(request, change);
    const { id, name, netns } = sandbox;
    if (change.dryRun === true) {
      return { data: { id, name, command: words }, shell: [enter(netns, words)] };
    }
    if (change.signal?.aborted === true) {
      // It came too late to undo the making of the sandbox, and the command can't get it any more.
      await sandbox.close();
      throw new NetkitError("CANCELLED", "cancelled; the command was not started", { cause: change.signal.reason });
    }
    const cwd = options.workdir === undefined ? {} : { cwd: options.workdir };
    if (options.detach) {
      await sweepLogs(netkit);
      const log = options.log ?? (await makeLogPath(netkit, id));
      try {
        const child = await sandbox.start(words, { stdio: { log }, detached: true, env, ...cwd });
        await child.started;
        child.unref();
        return { data: { id, name, pid: child.pid, log }, text: id };
      } catch (error) {
        await sandbox.close();
        throw error;
      }
    }
    let exitCode: number;
    try {
      const { runForeground } = await import("@netkit/sandbox");
      const child = await sandbox.start(words, { env, ...cwd });
      exitCode = await runForeground(child);
      await child.started;
    } catch (error) {
      // A command that never ran leaves nothing to look at.
      await sandbox.close();
      throw error;
    }
    if (options.rm) await sandbox.close();
    return { exitCode };
  },
});
