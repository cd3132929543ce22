// A process that works with netkit's library on the host that it was started on, as it is told.
import { agentLink } from "@netkit/agent/client";
import { NetkitError } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { container } from "@netkit/driver-container";
import { openNetkit } from "@netkit/engine";
import { answerCalls } from "../../src/calls.ts";
import { held } from "./held.ts";
import type { Command } from "./model.ts";

const [root = ""] = process.argv.slice(2);
const warnings: string[] = [];
const netkit = await openNetkit({
  root,
  drivers: [bridge(), container()],
  agent: agentLink({
    root,
    start: () => Promise.reject(new NetkitError("AGENT_NOT_FOUND", "the agent is gone")),
    warn: ({ message }) => void warnings.push(message),
  }),
});

async function execute(command: Command): Promise<void> {
  const { networks, sandboxes } = netkit;
  switch (command.do) {
    case "create network":
      await networks.create({
        name: command.network,
        internal: command.shape === "internal",
        ipv6: command.shape === "ipv6",
      });
      break;
    case "remove network":
      await networks.remove(command.network);
      break;
    case "open":
      await sandboxes.open({ name: command.sandbox, networks: command.networks });
      break;
    case "join":
      await sandboxes.open({ name: command.sandbox, networks: [`container:${command.holder}`] });
      break;
    case "remove":
      await sandboxes.remove(command.sandbox);
      break;
    case "connect":
      await (await sandboxes.get(command.sandbox)).connect(command.network);
      break;
    case "disconnect":
      await (await sandboxes.get(command.sandbox)).disconnect(command.network);
      break;
    case "publish":
      await (await sandboxes.get(command.sandbox)).publish(command.network, specs(command.port));
      break;
    case "unpublish":
      await (await sandboxes.get(command.sandbox)).unpublish(command.network, specs(command.port));
      break;
    case "repair":
      await netkit.doctor({ repair: true });
      break;
    case "gc":
      await netkit.gc();
      break;
  }
}

function specs(port: number): string[] {
  return [`${port}:7000/tcp`, `${port}:7000/udp`];
}

const functions = {
  execute,
  networks: () => netkit.networks.list(),
  sandboxes: () => netkit.sandboxes.list(),
  doctor: async () => (await netkit.doctor()).findings.map(({ message }) => message),
  warnings: () => warnings.splice(0),
  held,
};
export type WorkerFunctions = typeof functions;
answerCalls(functions);
process.on("disconnect", () => void netkit.close());
