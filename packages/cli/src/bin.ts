#!/usr/bin/env -S node --
// Without the two dashes Node itself looks for the file of an --env-file that is meant for netkit.
// The entry of the command: it keeps V8's compiled code between runs, then loads the rest.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// Node's default is a folder in /tmp, where another user could leave code for root to run.
enableCompileCache(process.getuid?.() === 0 ? "/var/cache/netkit" : join(homedir(), ".cache", "netkit"));
const [first = "", ...others] = process.argv.slice(2);
// Who waits for routes, for the end of processes, and for a packet socket to be closed holds a thread of libuv's each; with four of them
// what is flushed to the disk would wait for those.
if (first === "agent") process.env["UV_THREADPOOL_SIZE"] ??= "16";
if (first === "__cni") {
  const { cniPlugin } = await import("./cni-plugin.ts");
  process.exitCode = await cniPlugin(others);
} else if (first === "__netavark") {
  const { netavark } = await import("./netavark.ts");
  process.exitCode = await netavark(others);
} else {
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
