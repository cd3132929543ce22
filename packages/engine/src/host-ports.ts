import {
  familyOf,
  formatHost,
  formatRange,
  NetkitError,
  type Endpoint,
  type EndpointId,
  type Ip,
  type PortRange,
  type PublishedPort,
  type Sandbox,
} from "@netkit/core";
import type { Draft } from "./draft.ts";
import type { Reader } from "./lookup.ts";
import { keys } from "./state.ts";

/**
 * Who publishes what: a single port under its own key, a range under those of the pages of 256 ports that it touches, so
 * that one of a thousand ports is five keys, and one that clashes is found whatever there is.
 */
interface PortHolder {
  readonly endpoint: EndpointId;
  /** Absent: all addresses. */
  readonly address?: Ip;
  /** Of a range. */
  readonly ports?: PortRange;
}

/** A port that can't be had, and the name of the sandbox that has it. */
export interface PortClash {
  readonly port: PublishedPort;
  readonly sandbox: string | undefined;
}

/** The first of `ports` of which an endpoint publishes a part, on an address that clashes with its own. */
export async function findClash(reader: Reader, ports: readonly PublishedPort[]): Promise<PortClash | undefined> {
  const found = await reader.getAll<PortHolder[]>([...new Set(ports.flatMap(keysNear))]);
  if (found.size === 0 && ports.every(isSingle)) return undefined;
  for (const port of ports) {
    const holders = keysNear(port).flatMap((key) => found.get(key) ?? []);
    const other = [...holders, ...(await holdersWithin(reader, port))].find((holder) => isInTheWay(holder, port));
    if (other === undefined) continue;
    const endpoint = await reader.get<Endpoint>(keys.endpoint(other.endpoint));
    const sandbox = endpoint && (await reader.get<Sandbox>(keys.sandbox(endpoint.sandbox)));
    return { port, sandbox: sandbox?.name };
  }
  return undefined;
}

/** Writes down that the endpoint publishes the ports, which {@link findClash} found to be free. */
export async function takePorts(draft: Draft, ports: readonly PublishedPort[], endpoint: EndpointId): Promise<void> {
  await draft.prefetch(ports.flatMap(ownKeys));
  for (const port of ports) {
    const holder = holderOf(port, endpoint);
    for (const key of ownKeys(port)) draft.put(key, [...((await draft.get<PortHolder[]>(key)) ?? []), holder]);
  }
}

export async function giveBackPorts(
  draft: Draft,
  ports: readonly PublishedPort[],
  endpoint: EndpointId,
): Promise<void> {
  await draft.prefetch(ports.flatMap(ownKeys));
  for (const port of ports) {
    const given = JSON.stringify(holderOf(port, endpoint));
    for (const key of ownKeys(port)) {
      const holders = (await draft.get<PortHolder[]>(key)) ?? [];
      const left = holders.filter((holder) => JSON.stringify(holder) !== given);
      if (left.length > 0) draft.put(key, left);
      else draft.delete(key);
    }
  }
}

function holderOf(port: PublishedPort, endpoint: EndpointId): PortHolder {
  const { hostAddress: address, hostPort } = port;
  const ports = isSingle(port) ? {} : { ports: { first: hostPort.first, last: hostPort.last } };
  return { endpoint, ...(address === undefined ? {} : { address }), ...ports };
}

function isSingle({ hostPort }: PublishedPort): boolean {
  return hostPort.first === hostPort.last;
}

/** What a port is written under. */
function ownKeys(port: PublishedPort): string[] {
  return isSingle(port) ? [keys.port(port.protocol, port.hostPort.first)] : pageKeys(port);
}

/** What may be written that is in its way, but for single ports within a range. */
function keysNear(port: PublishedPort): string[] {
  return isSingle(port) ? [...ownKeys(port), ...pageKeys(port)] : pageKeys(port);
}

function pageKeys({ protocol, hostPort: { first, last } }: PublishedPort): string[] {
  const page = first >> 8;
  return Array.from({ length: (last >> 8) - page + 1 }, (_, index) => keys.portPage(protocol, page + index));
}

/** The holders of the single ports within a range, of which there are few: they clash, or are of another address. */
async function holdersWithin(reader: Reader, port: PublishedPort): Promise<PortHolder[]> {
  if (isSingle(port)) return [];
  const { protocol, hostPort } = port;
  const { first, last } = hostPort;
  const prefix = keys.port(protocol, "");
  const end = keys.port(protocol, last);
  const holders: PortHolder[] = [];
  for (let from = keys.port(protocol, first); ;) {
    const entries = await reader.range<PortHolder[]>(prefix, { from, limit: atOnce });
    const inside = entries.filter(({ key }) => key <= end);
    holders.push(...inside.flatMap(({ value }) => value));
    if (inside.length < atOnce) return holders;
    from = `${entries.at(-1)?.key} `;
  }
}

const atOnce = 64;

function isInTheWay({ address, ports }: PortHolder, { hostAddress, hostPort }: PublishedPort): boolean {
  return (ports === undefined || overlap(ports, hostPort)) && sameHost(address, hostAddress);
}

export function overlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Ports of one request: tells of two that can't both be. */
export class PortTable {
  readonly #pages = new Map<string, PublishedPort[]>();

  constructor(ports: readonly PublishedPort[]) {
    for (const port of ports) this.add(port);
  }

  add(port: PublishedPort): void {
    for (const page of pageKeys(port)) {
      const there = this.#pages.get(page);
      if (there === undefined) this.#pages.set(page, [port]);
      else there.push(port);
    }
  }

  clashes(port: PublishedPort): boolean {
    const { hostAddress, hostPort } = port;
    return pageKeys(port).some((page) =>
      this.#pages
        .get(page)
        ?.some((other) => overlap(other.hostPort, hostPort) && sameHost(other.hostAddress, hostAddress)),
    );
  }
}

/** Whether a packet can be meant for both: no address means all, 0.0.0.0 and :: mean all of their family. */
function sameHost(a: Ip | undefined, b: Ip | undefined): boolean {
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
  const host = hostAddress === undefined ? "" : `${formatHost(hostAddress)}:`;
  return `${host}${formatRange(hostPort)}/${protocol}`;
}
