import { createHash } from "node:crypto";
import { cniContainerLabel as containerLabel, cniListLabel as listLabel, shortId, type Labels } from "@netkit/core";
import type { Environment } from "./environment.ts";

/** By these a sandbox and an endpoint are known as a container's and a list's. */
export { containerLabel, listLabel };
/** Of a loan of addresses, which has no interface of netkit's. */
export const interfaceLabel = "cni.interface";

/** Keys of CNI_ARGS that say whose pod it is. */
const podKeys = ["K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_UID"];

export function sandboxLabels({ containerId, args }: Environment): Labels {
  const pod = podKeys.flatMap((key): [string, string][] => {
    const value = args[key];
    return value === undefined || value === "" ? [] : [[`cni.${key.toLowerCase().replaceAll("_", "-")}`, value]];
  });
  return { [containerLabel]: containerId, ...Object.fromEntries(pod) };
}

const longestName = 128;

/**
 * What a container's sandbox is called: as its id, or where that is of 64 hex digits, as their first twelve, which its engine shows, or
 * where somebody has that name, as all of them. Ids may be longer than names.
 */
export function sandboxNames(containerId: string): [name: string, other?: string] {
  if (/^[0-9a-f]{64}$/.test(containerId)) return [shortId(containerId), containerId];
  if (containerId.length <= longestName) return [containerId];
  const digest = createHash("sha256").update(containerId).digest("hex").slice(0, 16);
  return [`${containerId.slice(0, longestName - digest.length - 1)}-${digest}`];
}
