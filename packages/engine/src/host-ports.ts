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
 * Who publishes what of a page of 64 host ports: what stands behind the page's key. Consecutive ports of an endpoint are one
 * holder, cut at the page's ends, so that ten ports are one document to read and write, and a thousand are sixteen.
 */
interface PortHolder {
  readonly endpoint: EndpointId;
  /** Absent: all addresses. */
  readonly address?: Ip;
  readonly ports: PortRange;
}

const pageSize = 64;

/** A port that can't be had, and the name of the sandbox that has it. */
export interface PortClash {
  readonly port: PublishedPort;
  readonly sandbox: string | undefined;
}

/** The first of `ports` of which an endpoint publishes a part, on an address that clashes with its own. */
export async function findClash(reader: Reader, ports: readonly PublishedPort[]): Promise<PortClash | undefined> {
  const found = await reader.getAll<PortHolder[]>([...new Set(ports.flatMap(pageKeys))]);
  if (found.size === 0) return undefined;
  for (const port of ports) {
    const holders = pageKeys(port).flatMap((key) => found.get(key) ?? []);
    const other = holders.find(
      (holder) => overlap(holder.ports, port.hostPort) && sameHost(holder.address, port.hostAddress),
    );
    if (other === undefined) continue;
    const endpoint = await reader.get<Endpoint>(keys.endpoint(other.endpoint));
    const sandbox = endpoint && (await reader.get<Sandbox>(keys.sandbox(endpoint.sandbox)));
    return { port, sandbox: sandbox?.name };
  }
  return undefined;
}

/** Writes down that the endpoint publishes the ports, which {@link findClash} found to be free. */
export async function takePorts(draft: Draft, ports: readonly PublishedPort[], endpoint: EndpointId): Promise<void> {
  await change(draft, ports, (holders, { hostAddress: address, hostPort }) => [
    ...holders,
    { endpoint, ...(address === undefined ? {} : { address }), ports: hostPort },
  ]);
}

export async function giveBackPorts(
  draft: Draft,
  ports: readonly PublishedPort[],
  endpoint: EndpointId,
): Promise<void> {
  await change(draft, ports, (holders, { hostAddress, hostPort }) =>
    holders.flatMap((holder) =>
      holder.endpoint === endpoint && holder.address === hostAddress
        ? without(holder.ports, hostPort).map((left) => ({ ...holder, ports: left }))
        : holder,
    ),
  );
}

/** Changes the holders of each page that `ports` touch, once for each run of them. Routed ports are none of the host's. */
async function change(
  draft: Draft,
  ports: readonly PublishedPort[],
  edit: (holders: readonly PortHolder[], run: PublishedPort) => readonly PortHolder[],
): Promise<void> {
  const runs = runsOf(ports.filter(({ routed }) => routed !== true));
  await draft.prefetch([...new Set(runs.flatMap(pageKeys))]);
  for (const run of runs) {
    for (const page of pagesOf(run.hostPort)) {
      const key = keys.ports(run.protocol, page);
      const first = Math.max(run.hostPort.first, page * pageSize);
      const last = Math.min(run.hostPort.last, (page + 1) * pageSize - 1);
      const holders = edit((await draft.get<PortHolder[]>(key)) ?? [], { ...run, hostPort: { first, last } });
      if (holders.length > 0) draft.put(key, holders);
      else draft.delete(key);
    }
  }
}

/** Neighbours that follow each other as one. */
function runsOf(ports: readonly PublishedPort[]): PublishedPort[] {
  const runs: PublishedPort[] = [];
  for (const port of ports) {
    const before = runs.at(-1);
    const follows =
      before?.protocol === port.protocol &&
      before.hostAddress === port.hostAddress &&
      before.hostPort.last + 1 === port.hostPort.first;
    if (follows) runs.pop();
    runs.push(follows ? { ...before, hostPort: { first: before.hostPort.first, last: port.hostPort.last } } : port);
  }
  return runs;
}

/** What is left of a range without another one: nothing, one part or two. */
function without({ first, last }: PortRange, gone: PortRange): PortRange[] {
  const parts = [
    { first, last: Math.min(last, gone.first - 1) },
    { first: Math.max(first, gone.last + 1), last },
  ];
  return overlap({ first, last }, gone) ? parts.filter((part) => part.first <= part.last) : [{ first, last }];
}

function pagesOf({ first, last }: PortRange): number[] {
  const pages: number[] = [];
  for (let page = Math.floor(first / pageSize); page * pageSize <= last; page++) pages.push(page);
  return pages;
}

function pageKeys({ protocol, hostPort }: PublishedPort): string[] {
  return pagesOf(hostPort).map((page) => keys.ports(protocol, page));
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

/** By the very endpoint that is to publish it. */
export function publishedAlready(port: PublishedPort): NetkitError {
  const what = port.routed === true ? "port" : "host port";
  return new NetkitError("PORT_TAKEN", `${what} ${describePort(port)} is published by this sandbox already`, {
    hint: "'netkit port ls SANDBOX' shows what is published; 'netkit port rm' withdraws it.",
    details: { port },
  });
}

export function describePort({ protocol, hostAddress, hostPort }: PublishedPort): string {
  const host = hostAddress === undefined ? "" : `${formatHost(hostAddress)}:`;
  return `${host}${formatRange(hostPort)}/${protocol}`;
}
