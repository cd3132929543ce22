import { didYouMean, NetkitError } from "@netkit/core";
import type { Netkit, SandboxDetails } from "@netkit/engine";

/** The label of a pod's sandboxes; its value is the pod's name. */
export const podLabel = "netkit.pod";

/** Sandboxes that share one namespace under a name of their own: what holds it, and what was added. */
export interface Pod {
  readonly name: string;
  /** Absent once the holder was removed: the namespace lives until the last member leaves. */
  readonly holder: SandboxDetails | undefined;
  readonly members: readonly SandboxDetails[];
}

/** All pods, in the order in which they were made. */
export async function listPods(netkit: Netkit): Promise<Pod[]> {
  const labelled = (await netkit.sandboxes.list()).filter(({ labels }) => podLabel in labels);
  return [...Map.groupBy(labelled, ({ namespace }) => namespace).values()].map((sandboxes) => {
    const name = sandboxes[0]?.labels[podLabel] ?? "";
    const holder = sandboxes.find((sandbox) => sandbox.name === name);
    return { name, holder, members: sandboxes.filter((sandbox) => sandbox !== holder) };
  });
}

/** @throws NetkitError SANDBOX_NOT_FOUND with the nearest name */
export async function findPod(netkit: Netkit, name: string): Promise<Pod> {
  const pods = await listPods(netkit);
  const found = pods.find((pod) => pod.name === name);
  if (found !== undefined) return found;
  const isSandbox = (await netkit.sandboxes.list()).some((sandbox) => sandbox.name === name);
  throw new NetkitError("SANDBOX_NOT_FOUND", `no pod '${name.slice(0, 130)}'`, {
    hint: isSandbox
      ? `It is a sandbox by itself: see 'netkit sandbox', 'netkit exec ${name}', and 'netkit run --network container:${name}'.`
      : didYouMean(
          name.slice(0, 130),
          pods.map((pod) => pod.name),
          "'netkit pod ls' lists them.",
        ),
    details: { pod: name },
  });
}

/** Holder and members. */
export function sandboxesOf({ holder, members }: Pod): SandboxDetails[] {
  return holder === undefined ? [...members] : [holder, ...members];
}

/** The sandbox through which a further one gets into the pod: one whose process hasn't ended. */
export function doorOf(pod: Pod): string {
  const sandboxes = sandboxesOf(pod);
  const open = sandboxes.find(({ state }) => state === "idle" || state === "running") ?? sandboxes[0];
  return open?.name ?? pod.name;
}

/** Running: a member's process lives; gone: the namespace is; idle otherwise. */
export function podState(pod: Pod): "running" | "idle" | "gone" {
  const states = sandboxesOf(pod).map(({ state }) => state);
  if (states.includes("gone")) return "gone";
  return states.includes("running") ? "running" : "idle";
}
