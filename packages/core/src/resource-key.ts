import { anyMac } from "./address.ts";
import type { Resource, ResourceKey } from "./resource.ts";
import { stableJson } from "./stable-json.ts";

const noData = ["ensure", "dependsOn"];

/** The key of a resource. Two resources with one key are the same kernel object and must agree in all their data. */
export function keyOf(resource: Resource): ResourceKey {
  return `${resource.kind} ${resource.ns} ${identity(resource)}` as ResourceKey;
}

/** True if the two describe the same object in the same way; `ensure` and `dependsOn` don't count. */
export function sameData(a: Resource, b: Resource): boolean {
  return a === b || stableJson(a, noData) === stableJson(b, noData);
}

/** The link that a resource can't outlive, in its own namespace; of several whose names begin alike that which is called so. */
export function linkUnder(resource: Resource): string | undefined {
  if (resource.kind === "sysctl") return /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\//.exec(resource.path)?.[1];
  return "link" in resource ? resource.link?.replace(/\*$/, "") : undefined;
}

function identity(resource: Resource): string {
  switch (resource.kind) {
    case "netns":
      return "";
    case "file":
    case "sysctl":
      return resource.path;
    case "link":
    case "bridge":
    case "veth":
    case "vxlan":
    case "macvlan":
    case "ipvlan":
    case "vlan":
    case "dummy":
    case "ifb":
      return resource.name;
    case "address":
      return `${resource.link} ${resource.address}`;
    case "neighbour":
      // The kernel keeps addresses to answer for in a table of their own.
      return `${resource.link} ${resource.address}${resource.proxy === true ? " proxy" : ""}`;
    case "route":
      return `${resource.destination} table ${resource.table ?? 254} metric ${resource.metric ?? 0}`;
    case "rule":
      return `${resource.family} ${resource.priority} ${resource.from ?? "all"} ${resource.to ?? "all"}`;
    case "fdb":
      // Unknown addresses may be behind several.
      if (resource.mac === anyMac) return `${resource.link} ${resource.mac} ${resource.destination}`;
      return `${resource.link} ${resource.mac} ${resource.master ? "master" : "self"}`;
    case "isolation":
    case "shaper":
    case "redirect":
    case "guard":
      return resource.link;
    case "sender":
      return `${resource.link} ${resource.address}`;
    case "familiar":
      return `${resource.link} ${resource.source}`;
    case "masquerade":
      return `${resource.link} ${resource.subnet}`;
    case "untracked":
      return `${resource.address} ${resource.port}`;
    case "open":
      return `${resource.target} ${resource.protocol} ${resource.targetPort.first}-${resource.targetPort.last}`;
    case "publish":
      return `${resource.family} ${resource.hostAddress ?? "*"} ${resource.protocol} ${resource.hostPort.first}-${resource.hostPort.last}`;
  }
}
