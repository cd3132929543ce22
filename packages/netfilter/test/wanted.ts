// Resources and changes as the engine would hand them over.
import {
  keyOf,
  parseCidr,
  parseIp,
  parseSources,
  type Change,
  type FamiliarResource,
  type GuardResource,
  type IsolationResource,
  type MasqueradeResource,
  type OpenResource,
  type Owner,
  type Protocol,
  type PublishResource,
  type Resource,
  type SenderResource,
  type UntrackedResource,
} from "@netkit/core";

const owner: Owner = { type: "network", id: "0".repeat(64), name: "test" };

export function isolation(
  link: string,
  options: Partial<Omit<IsolationResource, "kind" | "ns" | "link">> = {},
): IsolationResource {
  return { kind: "isolation", ns: "host", link, icc: true, internal: false, ...options };
}

export function familiar(link: string, source: string): FamiliarResource {
  return { kind: "familiar", ns: "host", link, source: parseCidr(source) };
}

/** `port` as `80` or `9000-9010`. */
export function open(
  protocol: Protocol,
  target: string,
  port: string,
  link: string,
  from?: readonly string[],
): OpenResource {
  return {
    kind: "open",
    ns: "host",
    protocol,
    target: parseIp(target),
    targetPort: range(port),
    link,
    ...(from === undefined ? {} : { from: parseSources(from) }),
  };
}

export function masquerade(link: string, subnet: string, source?: string, within?: string): MasqueradeResource {
  const from = source === undefined ? {} : { source: parseIp(source) };
  const network = within === undefined ? {} : { within: parseCidr(within) };
  return { kind: "masquerade", ns: "host", link, subnet: parseCidr(subnet), ...from, ...network };
}

export function guard(link: string): GuardResource {
  return { kind: "guard", ns: "host", link };
}

export function sender(link: string, address: string): SenderResource {
  return { kind: "sender", ns: "host", link, address: parseIp(address) };
}

export function untracked(address: string, port: number): UntrackedResource {
  return { kind: "untracked", ns: "host", address: parseIp(address), port };
}

/** `hostPort` and `port` as `8080` or `9000-9010`. */
export function publish(
  protocol: Protocol,
  hostPort: string,
  target: string,
  port: string,
  link: string,
  hostAddress?: string,
  from?: readonly string[],
): PublishResource {
  return {
    kind: "publish",
    ns: "host",
    family: target.includes(":") ? "ipv6" : "ipv4",
    protocol,
    ...(hostAddress === undefined ? {} : { hostAddress: parseIp(hostAddress) }),
    hostPort: range(hostPort),
    target: parseIp(target),
    targetPort: range(port),
    link,
    ...(from === undefined ? {} : { from: parseSources(from) }),
  };
}

function range(text: string): { first: number; last: number } {
  const [first = "", last = first] = text.split("-");
  return { first: Number(first), last: Number(last) };
}

export function creates(...resources: Resource[]): Change[] {
  return resources.map((resource) => ({ op: "create", key: keyOf(resource), resource, owner }));
}

export function removes(...resources: Resource[]): Change[] {
  return resources.toReversed().map((resource) => ({ op: "remove", key: keyOf(resource), resource, owner }));
}

export function replaces(previous: Resource, resource: Resource): Change {
  return { op: "replace", key: keyOf(resource), previous, resource, owner };
}
