/** What is to get an interface: a container, or only its namespace. */
export interface Box {
  /** 3 at least: it gives addresses, host ports and names. */
  readonly number: number;
  /** How many ports of the host it publishes, for 8000 and up of its own. */
  readonly ports: number;
  /** Its network namespace, where the contender doesn't keep that itself. */
  readonly path: string;
}

/** One of those that take turns, at work on a host of its own that has its network and one endpoint, which stay. */
export interface Contender {
  /** Off the clock: there is such a box, on no network. */
  readonly open: (box: Box) => Promise<void>;
  readonly attach: (box: Box) => Promise<void>;
  readonly detach: (box: Box) => Promise<void>;
  /** Off the clock, detached. */
  readonly close: (box: Box) => Promise<void>;
  /** Where an attached box is; absent: its packets go the way of another contender's. */
  readonly place?: (box: Box) => Promise<Place>;
  /** What has to be told to end. */
  readonly stop?: () => Promise<void>;
}

/** Network namespaces by their paths. */
export interface Place {
  readonly host: string;
  readonly box: string;
  /** The box's, on its network. */
  readonly address: string;
}

/** The namespace of the process that asks, as nsenter(1) takes it. */
export const ownNamespace = "/proc/self/ns/net";

/** What it is, as it says itself. */
export type Found = { readonly version: string } | { readonly missing: string };

/** A kind of contender: whether this machine has it, and how it begins. */
export interface Entry {
  readonly find: () => Found | Promise<Found>;
  /** @param root a folder on the disk, for netkit's state */
  readonly start: (root: string) => Promise<Contender>;
}

/** The number of the box that stays attached, so that no contender makes or removes its bridge on the clock. */
export const keptNumber = 2;

/** The host ports of a box. */
export function hostPorts({ number, ports }: Pick<Box, "number" | "ports">): number[] {
  return Array.from({ length: ports }, (_, index) => 20_000 + number * 10 + index);
}

/** An address of a /16. */
export function addressOf(prefix: string, { number }: Pick<Box, "number">): string {
  return `${prefix}.${number >> 8}.${number & 255}`;
}
