import type { Endpoint, Reading, Resource } from "@netkit/core";

/** What others may change of a sandbox's end of a link, by the fields in which a handler tells it. */
const ofPeer: readonly string[] = ["peer.mac", "peer.mtu", "peer.up"];
const ofLink: readonly string[] = ["mac", "mtu", "up"];

/** Has an endpoint's link say that others may change it, if they may. */
export function tunable({ tunable: may, namespace }: Endpoint, resource: Resource): Resource {
  if (may !== true) return resource;
  const { kind, ns } = resource;
  const isLink = kind === "veth" || ((kind === "macvlan" || kind === "ipvlan") && ns === namespace);
  return isLink ? { ...resource, tunable: true } : resource;
}

/** A reading without what others may have changed. */
export function untuned(resource: Resource, reading: Reading): Reading {
  if (reading.state !== "different" || !("tunable" in resource)) return reading;
  const theirs = resource.kind === "veth" ? ofPeer : ofLink;
  const differences = reading.differences.filter(({ field }) => !theirs.includes(field));
  return differences.length === 0 ? { state: "same" } : { state: "different", differences };
}
