import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import { NetkitError } from "@netkit/core";
import type { Globals } from "./globals.ts";

/** How long an agent that a command has started stays when nothing needs it any more. */
const linger = "5s";
const startTimeoutMs = 20_000;

/**
 * What runs netkit as an agent, without the command's words. A process that lives for weeks keeps V8's young generation small:
 * left alone, it grows with the first burst of work to three times 16 MB, and stays.
 */
export function agentProgram(): [string, ...string[]] {
  return [process.execPath, "--max-semi-space-size=2", process.argv[1] ?? ""];
}

/** The options that lead another netkit to the same settings, wherever it runs and whatever its environment is. */
export function sameSettings(
  root: string,
  globals: Pick<Globals, "config" | "firewall">,
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  const config = globals.config ?? env["NETKIT_CONFIG"];
  const firewall = globals.firewall ?? env["NETKIT_FIREWALL"];
  return [
    "--root",
    root,
    ...(config === undefined ? [] : ["--config", resolvePath(config)]),
    ...(firewall === undefined ? [] : ["--firewall", firewall]),
  ];
}

/**
 * Starts an agent that outlives this process and returns once it serves; where another one was faster, once that does.
 * @throws NetkitError AGENT_UNAVAILABLE with the end of its log
 */
export async function startAgentProcess(root: string, globals: Pick<Globals, "config" | "firewall">): Promise<void> {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const path = join(root, "agent.log");
  const log = openSync(path, "a", 0o600);
  const words = ["agent", "--linger", linger, "--ready-fd", "3", ...sameSettings(root, globals)];
  const [node, ...script] = agentProgram();
  const child = spawn(node, [...script, ...words], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log, "pipe"],
  });
  closeSync(log);
  child.unref();
  const ready = child.stdio[3];
  const { promise, resolve } = Promise.withResolvers<boolean>();
  ready?.once("data", () => resolve(true));
  ready?.once("close", () => resolve(false));
  child.once("error", () => resolve(false));
  const timer = setTimeout(() => resolve(false), startTimeoutMs);
  const serves = await promise;
  clearTimeout(timer);
  ready?.destroy();
  if (serves) return;
  throw new NetkitError("AGENT_UNAVAILABLE", `the agent didn't start: ${lastLine(path)}`, {
    hint: `Its log is ${path}. Names don't work until it runs; to start it by hand: netkit agent`,
    details: { log: path },
  });
}

function lastLine(path: string): string {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return (
    (lines.findLast((line) => line.startsWith("error:")) ?? lines.at(-1) ?? "").replace(/^error: /, "").slice(0, 500) ||
    "no reason is known"
  );
}
