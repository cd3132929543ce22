// What another user of the machine can do with netkit's sockets.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serveLocally } from "@netkit/agent";
import { agentSocket } from "@netkit/agent/client";
import { expect, test } from "vitest";
import { onAgentHosts, type AgentHost } from "./agent-host.ts";

let host: AgentHost;
onAgentHosts((given) => ({ host } = given));

/** struct sockaddr_un: AF_UNIX and the path. What the kernel says of connecting, in C's words. */
const connecting = 'socket(my $s, 1, 1, 0) or die; print connect($s, pack("S Z*", 1, shift)) ? "connected" : $!';

function connect(socket: string, user: number): string {
  const words = [`--reuid=${user}`, "--clear-groups", "--", "perl", "-e", connecting, socket];
  return spawnSync("setpriv", words, { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } }).stdout;
}

test("another user can't ask the agent", () => {
  const socket = agentSocket(host.root);
  expect(connect(socket, 0)).toBe("connected");
  expect(connect(socket, 65_534)).toBe("Permission denied");
});

test("a socket's folder is its owner's alone, so that nobody else can put anything in its place", async () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-socket-"));
  try {
    const path = join(folder, "run", "agent.sock");
    const server = await serveLocally(path, async (_request, response) => void response.end());
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o077).toBe(0);
    await server.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
