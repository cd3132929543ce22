import type { Netkit, SandboxDetails } from "@netkit/engine";
import { findContainer, usableNames } from "@netkit/runtime";
import { containerLabel } from "./labels.ts";
import type { NetworkOptions } from "./network-options.ts";

/** What a container's sandbox is called: as the container, or where somebody has that name, as its id. */
export function sandboxNames({ container_name: name = "", container_id: id }: NetworkOptions): [string, string] {
  return [usableNames([name])[0] ?? id, id];
}

/** The sandbox of a container, whatever it was called when it was made. */
export async function containerNamed(netkit: Netkit, options: NetworkOptions): Promise<SandboxDetails | undefined> {
  const { container_id: id } = options;
  const found = await findContainer(netkit, sandboxNames(options), containerLabel, id);
  return found ?? (await netkit.sandboxes.list()).find(({ labels }) => labels[containerLabel] === id);
}
