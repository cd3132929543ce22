import {
  familyOf,
  NetkitError,
  type Endpoint,
  type EndpointId,
  type Ip,
  type PublishedPort,
  type Sandbox,
} from "@netkit/core";
import type { Draft } from "./draft.ts";
import type { Reader } from "./lookup.ts";
import { keys } from "./state.ts";

/** Who publishes a host port: what stands behind its key, once for each address. */
interface PortHolder {
  readonly endpoint: EndpointId;
  /** Absent: all addresses. */
  readonly address?: Ip;
}

/** A port that can't be had, and the name of the sandbox that has it. */
export interface PortClash {
  readonly port: PublishedPort;
  readonly sandbox: string | undefined;
}

/** The first of `ports` of which an endpoint publishes a part, on an address that clashes with its own. */
export async function findClash(reader: Reader, ports: readonly PublishedPort[]): Promise<PortClash | undefined> {
  const found = await reader.getAll<PortHolder[]>(ports.flatMap(keysOf));
  if (found.size === 0) return undefined;
  for (const port of ports) {
    const holders = keysOf(port).flatMap((key) => found.get(key) ?? []);
    const other = holders.find(({ address }) => sameHost(address, port.hostAddress));
    if (other === undefined) continue;
    const endpoint = await reader.get<Endpoint>(keys.endpoint(other.endpoint));
    const sandbox = endpoint && (await reader.get<Sandbox>(keys.sandbox(endpoint.sandbox)));
    return { port, sandbox: sandbox?.name };
  }
  return undefined;
}

/** Writes down that the endpoint publishes the ports, which {@link findClash} found to be free. */
export async function takePorts(draft: Draft, ports: readonly PublishedPort[], endpoint: EndpointId): Promise<void> {
  const found = await draft.getAll<PortHolder[]>(ports.flatMap(keysOf));
  for (const port of ports) {
    const { hostAddress: address } = port;
    const holder: PortHolder = { endpoint, ...(address === undefined ? {} : { address }) };
    for (const key of keysOf(port)) draft.put(key, [...(found.get(key) ?? []), holder]);
  }
}

export async function giveBackPorts(
  draft: Draft,
  ports: readonly PublishedPort[],
  endpoint: EndpointId,
): Promise<void> {
  const found = await draft.getAll<PortHolder[]>(ports.flatMap(keysOf));
  for (const [key, holders] of found) {
    const left = holders.filter((holder) => holder.endpoint !== endpoint);
    if (left.length > 0) draft.put(key, left);
    else draft.delete(key);
  }
}

/** One key per single port. */
export function keysOf({ protocol, hostPort: { first, last } }: PublishedPort): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => keys.port(protocol, first + index));
}

/** Whether a packet can be meant for both: no address means all, 0.0.0.0 and :: mean all of their family. */
export function sameHost(a: Ip | undefined, b: Ip | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true;
  if (familyOf(a) !== familyOf(b)) return false;
  return isAny(a) || isAny(b);
}

function isAny(address: Ip): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** @param who has it, in words */
export function portTaken(port: PublishedPort, who: string, otherProcess = false): NetkitError {
  const another = "ublish another port, or leave the host port out to get a free one.";
  return new NetkitError("PORT_TAKEN", `host port ${describePort(port)} is in use by ${who}`, {
    hint: otherProcess ? `See which process: ss -lntup. P${another}` : `P${another}`,
    details: { port, who },
  });
}

export function describePort({ protocol, hostAddress, hostPort }: PublishedPort): string {
  const range = hostPort.first === hostPort.last ? `${hostPort.first}` : `${hostPort.first}-${hostPort.last}`;
  return `${hostAddress === undefined ? "" : `${hostAddress}:`}${range}/${protocol}`;
}
