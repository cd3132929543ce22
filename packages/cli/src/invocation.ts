import { exitCodes, isNetkitError, NetkitError } from "@netkit/core";
import type { Preview, Timing } from "@netkit/engine";
import type { ArgumentValues, Arguments, Command, CommandOptions, Context, OptionValues, Result } from "./command.ts";
import { reportFailure } from "./failure.ts";
import type { Globals } from "./globals.ts";
import { commandHelp } from "./help.ts";
import { formatJson } from "./json.ts";
import { parseWords } from "./parse.ts";
import { formatPreviews, previewData, shellLines } from "./plan.ts";
import { session } from "./session.ts";
import { terminal, type Terminal } from "./terminal.ts";
import { formatTimings } from "./timings.ts";
import { warn } from "./warning.ts";

/** Parses the words by the definition, runs the command, prints what it came to and returns the exit status. */
export async function runCommand(
  command: Command,
  words: readonly string[],
  json: boolean,
  view: Terminal,
): Promise<number> {
  try {
    return await attempt(command, words);
  } catch (error) {
    const status = reportFailure(error, json, view);
    if (command.failureCode === undefined || status === exitCodes.cancelled) return status;
    const told = isNetkitError(error) ? error.details["exitCode"] : undefined;
    return typeof told === "number" ? told : command.failureCode;
  }
}

async function attempt(command: Command, words: readonly string[]): Promise<number> {
  const parsed = parseWords(command, words);
  const globals = parsed.options as unknown as Globals;
  const view = terminal(globals["no-color"]);
  const { format } = parsed.options;
  if (globals.json && format !== undefined && format !== "json") {
    throw new NetkitError("ARGUMENT_INVALID", "--json and --format are two ways to print", {
      hint: "Give one of them.",
    });
  }
  const previews: Preview[] = [];
  const timings: Timing[] = [];
  const preview = command.changes && (globals["dry-run"] || globals.explain);
  using abort = abortOnSignals((command.changes && !preview) || command.abortable === true);
  await using netkit = session(globals, globals.timings ? (timing) => timings.push(timing) : undefined);
  const context: Context = {
    options: parsed.options as OptionValues<CommandOptions>,
    arguments: parsed.arguments as ArgumentValues<Arguments>,
    command: parsed.command,
    globals,
    terminal: view,
    change: {
      dryRun: preview,
      signal: abort.signal,
      onWarning: ({ message, hint }) => warn(message, hint, view),
      ...(preview ? { onPlan: (plan) => previews.push(plan) } : {}),
    },
    open: (looking = !command.changes || preview) => netkit.open(looking),
  };
  if (globals.help) {
    const { data, text } = await commandHelp(command, context);
    process.stdout.write(`${globals.json ? formatJson(data) : text}\n`);
    return 0;
  }
  const result = await command.run(context);
  print(result, context, previews);
  if (timings.length > 0) {
    process.stderr.write(`${formatTimings(timings)}\n`);
  }
  return statusOf(result, globals, view);
}

function print(result: Result, { globals, terminal }: Context, previews: readonly Preview[]): void {
  if (globals["dry-run"] || globals.explain) {
    if (globals.json) process.stdout.write(`${formatJson(previewData(previews, result))}\n`);
    else if (globals.explain) process.stdout.write(shellLines(previews, result).join(""));
    else process.stdout.write([formatPreviews(previews, terminal), result.note ?? [], ""].flat().join("\n"));
  } else if (globals.json) {
    if (result.data !== undefined) process.stdout.write(`${formatJson(result.data)}\n`);
  } else if (result.text !== undefined && result.text !== "") {
    process.stdout.write(`${result.text}\n`);
  }
}

function statusOf(result: Result, globals: Globals, view: Terminal): number {
  const statuses = (result.errors ?? []).map((error) => reportFailure(error, globals.json, view));
  if (statuses.includes(exitCodes.cancelled)) return exitCodes.cancelled;
  return statuses[0] ?? result.exitCode ?? 0;
}

interface Abort extends Disposable {
  readonly signal: AbortSignal;
}

/** Ctrl-C and termination end a change by undoing it; a second one ends the process at once, as without netkit. */
function abortOnSignals(active: boolean): Abort {
  const controller = new AbortController();
  const abort = (signal: NodeJS.Signals): void => {
    // It listens until the second one: where nobody else did, execa would end the process with the first while a child of its runs.
    if (!controller.signal.aborted) return controller.abort(new NetkitError("CANCELLED", `interrupted by ${signal}`));
    stop();
    process.kill(process.pid, signal);
  };
  const signals: readonly NodeJS.Signals[] = active ? ["SIGINT", "SIGTERM", "SIGHUP"] : [];
  const stop = (): void => {
    for (const signal of signals) process.off(signal, abort);
  };
  for (const signal of signals) process.on(signal, abort);
  return { signal: controller.signal, [Symbol.dispose]: stop };
}
