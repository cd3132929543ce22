import { execFileSync } from "node:child_process";
import { openNetlink } from "../src/index.ts";
import type { NetlinkOptions, NetlinkSocket } from "../src/index.ts";

/** A fresh network namespace, made and observed with iproute2. */
export interface TestNamespace extends Disposable {
  readonly name: string;
  readonly path: string;
  open(options?: NetlinkOptions): NetlinkSocket;
  /** Run `ip` in the namespace. */
  ip(command: string): string;
  /** Run `ip -j -d` in the namespace. */
  ipJson(command: string): Record<string, unknown>[];
  /** Run `bridge -j -d` in the namespace. */
  bridgeJson(command: string): Record<string, unknown>[];
  /** Run `tc` in the namespace. */
  tc(command: string): string;
  /** Run `tc -j` in the namespace. */
  tcJson(command: string): Record<string, unknown>[];
}

let count = 0;

export function makeNamespace(): TestNamespace {
  count += 1;
  const name = `netlink-test-${process.pid}-${count}`;
  const path = `/run/netns/${name}`;
  run("ip", ["netns", "add", name]);
  return {
    name,
    path,
    open: (options) => openNetlink({ ...options, namespace: path }),
    ip: (command) => run("ip", ["-n", name, ...words(command)]),
    ipJson: (command) => json(run("ip", ["-n", name, "-j", "-d", ...words(command)])),
    bridgeJson: (command) => json(run("bridge", ["-n", name, "-j", "-d", ...words(command)])),
    tc: (command) => run("tc", ["-n", name, ...words(command)]),
    tcJson: (command) => json(run("tc", ["-n", name, "-j", ...words(command)])),
    [Symbol.dispose]: () => void run("ip", ["netns", "del", name]),
  };
}

function words(command: string): string[] {
  return command.split(" ");
}

/** `ip -j` prints nothing, or a list with empty objects, for what it leaves out. */
function json(text: string): Record<string, unknown>[] {
  const rows = text === "" ? [] : (JSON.parse(text) as Record<string, unknown>[]);
  return rows.filter((row) => Object.keys(row).length > 0);
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8" });
}
