import { bridge } from "@netkit/driver-bridge";
import { routed } from "@netkit/driver-routed";
import { openNetkit, type AgentLink, type Netkit, type SandboxHandle } from "@netkit/engine";
import { firstPort, portsEach } from "./endpoint.ts";
import { numbers, type Side } from "./pairs.ts";

/** netkit as a program uses it, with its state where the root directory is. */
export async function openLibrary(root: string, agent?: AgentLink): Promise<Netkit> {
  return await openNetkit({ root, drivers: [bridge(), routed()], ...(agent === undefined ? {} : { agent }) });
}

export function portsOf(number: number): string[] {
  return numbers(0, portsEach).map((index) => `${firstPort(number) + index}:${8000 + index}`);
}

/** Attaching a sandbox that exists to a network that exists; the sandbox goes afterwards unless it is to stay. */
export function attaching(
  netkit: Netkit,
  network: string,
  stays: boolean,
): Side<{ sandbox: SandboxHandle; number: number }> {
  return {
    before: async (number) => ({ sandbox: await netkit.sandboxes.open({ name: `${network}-${number}` }), number }),
    timed: ({ sandbox, number }) => sandbox.connect(network, { publish: portsOf(number) }),
    after: ({ sandbox }) => (stays ? undefined : sandbox.close()),
  };
}
