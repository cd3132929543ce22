import { NetkitError } from "@netkit/core";
import type { Netkit, SandboxHandle, SandboxRequest } from "@netkit/engine";
import { checkStart, runForeground } from "@netkit/sandbox";
import type { Context, OptionValues, Result } from "./command.ts";
import { warnOfSurroundings } from "./attached-warnings.ts";
import { makeLogPath, sweepLogs } from "./logs.ts";
import { environment, explained, variables, type processOptions } from "./process-options.ts";
import { detached, enter } from "./shell.ts";

/** The options of a command that starts a sandbox's own process. */
export const launchOptions = {
  rm: { summary: "Remove the sandbox when the command has ended" },
  detach: { short: "d", summary: "Leave it running and print the sandbox's id" },
  log: { value: "FILE", summary: "With -d: append the output to this file", complete: "path" },
} as const;

type LaunchOptions = OptionValues<typeof launchOptions & typeof processOptions>;

/** @throws NetkitError ARGUMENT_INVALID */
export function checkLog({ log, detach }: Pick<LaunchOptions, "log" | "detach">): void {
  if (log === undefined || detach) return;
  throw new NetkitError("ARGUMENT_INVALID", "--log is for -d: in the foreground the output is yours", {
    hint: "Add -d, or say '... >> FILE'.",
  });
}

/** Opens a sandbox and starts the command in it, in the foreground or left running. */
export async function launch(
  netkit: Netkit,
  request: SandboxRequest,
  words: readonly string[],
  options: LaunchOptions,
  { change, terminal }: Pick<Context, "change" | "terminal">,
): Promise<Result> {
  const env = environment(variables(options));
  checkLog(options);
  if (change.dryRun !== true) checkStart({ command: words, env, cwd: options.workdir, log: options.log });
  const sandbox = await netkit.sandboxes.open({ ...request, autoRemove: options.rm }, change);
  const { id, name, netns } = sandbox;
  if (change.dryRun === true) {
    const line = enter(netns, explained(words, options));
    // Nothing is stored of what the pasted line starts: in the state directory its log would be swept away.
    const shell = [options.detach ? detached(line, options.log ?? `${name}.log`) : line];
    return { data: { id, name, command: words }, shell };
  }
  if (change.signal?.aborted === true) {
    // It came too late to undo the making of the sandbox, and the command can't get it any more.
    await sandbox.close();
    throw new NetkitError("CANCELLED", "cancelled; the command was not started", { cause: change.signal.reason });
  }
  await warnOfSurroundings(netkit, id, terminal);
  const start = { env, ...(options.workdir === undefined ? {} : { cwd: options.workdir }) };
  try {
    if (options.detach) return await leaveRunning(netkit, sandbox, words, options.log, start);
    const child = await sandbox.start(words, start);
    const exitCode = await runForeground(child);
    await child.started;
    if (options.rm) await sandbox.close();
    return { exitCode };
  } catch (error) {
    // A command that never ran leaves nothing to look at.
    await sandbox.close();
    throw error;
  }
}

async function leaveRunning(
  netkit: Netkit,
  sandbox: SandboxHandle,
  words: readonly string[],
  file: string | undefined,
  start: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<Result> {
  const { id, name } = sandbox;
  await sweepLogs(netkit);
  const log = file ?? (await makeLogPath(netkit, id));
  const child = await sandbox.start(words, { ...start, stdio: { log }, detached: true });
  await child.started;
  child.unref();
  return { data: { id, name, pid: child.pid, log }, text: id };
}
