import { constants } from "node:os";
import { readStat } from "./process.ts";
import type { ExitStatus, SandboxChild } from "./spawn.ts";

/** Sent by a terminal to its whole foreground group, the child included. */
const fromTerminal = ["SIGINT", "SIGQUIT", "SIGWINCH"] as const;
/** Only ever sent by somebody. */
const fromSomebody = ["SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

/** The status as a shell reports it: the code, or 128 + n for signal n (POSIX XCU 2.8.2). */
export function exitCode(status: ExitStatus): number {
  return status.signal === null ? (status.code ?? 0) : 128 + constants.signals[status.signal];
}

/**
 * Stay until the child has ended, passing on signals, and give its exit code.
 *
 * The child is in the caller's process group and shares its terminal. So:
 *
 * - TERM, USR1 and USR2 are always passed on.
 * - INT, QUIT and WINCH are passed on unless the caller is in the terminal's foreground group: then the terminal sends
 *   them to the child itself. (Node doesn't tell who sent a signal: an INT sent to a foreground caller alone is taken
 *   for the terminal's and not passed on; send TERM.)
 * - HUP is passed on unless the caller has just lost its terminal: the session's leader gets it from the kernel alone, and
 *   the foreground group when the leader ends. A caller that leads the session itself passes it on.
 * - TSTP, TTIN, TTOU and CONT are left alone: the terminal and the shell send them to the whole group, so that both
 *   stop and go on together.
 */
export async function runForeground(child: SandboxChild): Promise<number> {
  const before = readStat("self");
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  const passUnlessTerminal = (signal: NodeJS.Signals): void => {
    const now = readStat("self");
    if (now === undefined || now.processGroup !== now.foregroundGroup) pass(signal);
  };
  const passUnlessLost = (signal: NodeJS.Signals): void => {
    const now = readStat("self");
    if (now === undefined || now.terminal === before?.terminal || now.session === process.pid) pass(signal);
  };
  const handlers = new Map<NodeJS.Signals, (signal: NodeJS.Signals) => void>([
    ...fromSomebody.map((signal) => [signal, pass] as const),
    ...fromTerminal.map((signal) => [signal, passUnlessTerminal] as const),
    ["SIGHUP", passUnlessLost],
  ]);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  try {
    return exitCode(await child.exited);
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}
