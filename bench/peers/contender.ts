import { firstPort, portsEach } from "../endpoint.ts";
import { numbers } from "../pairs.ts";

/** What is to get an interface: a container, or only its namespace. */
export interface Box {
  /** 3 at least: it gives addresses, host ports and names. */
  readonly number: number;
  /** How many ports of the host it publishes, for 8000 and up of its own; one by one, or all as one range for the same of its own. */
  readonly ports: number;
  readonly range: boolean;
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
  /** What people type. */
  readonly program?: Program;
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

/** A command, and what to say to it. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly words: Partial<Readonly<Record<StartKind, readonly string[]>>>;
}

/** What a command is started for: to say its version, and to list the networks that there are. */
export type StartKind = (typeof startKinds)[number];
export const startKinds = ["version", "list"] as const;

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

/** Host ports that follow each other, each for a port of the box and as many after it. */
export interface PortMapping {
  readonly host: number;
  readonly box: number;
  readonly count: number;
}

/** How many numbers a box takes that publishes so many ports: those of the next one follow. */
export function numbersOf(ports: number): number {
  return Math.ceil(ports / portsEach);
}

/** What a box publishes. */
export function portMappings({ number, ports, range }: Pick<Box, "number" | "ports" | "range">): PortMapping[] {
  const first = firstPort(number);
  if (range) return [{ host: first, box: first, count: ports }];
  return numbers(0, ports).map((index) => ({ host: first + index, box: 8000 + index, count: 1 }));
}

/** The same, for whom a range is so many ports. */
export function singleMappings(box: Pick<Box, "number" | "ports" | "range">): PortMapping[] {
  return portMappings(box).flatMap(({ host, box: inner, count }) =>
    numbers(0, count).map((index) => ({ host: host + index, box: inner + index, count: 1 })),
  );
}

/** As netkit and Docker read it: `8080:80`, `20000-20999:20000-20999`. */
export function portWords(box: Pick<Box, "number" | "ports" | "range">): string[] {
  return portMappings(box).map(({ host, box: inner, count }) =>
    [host, inner].map((first) => (count === 1 ? `${first}` : `${first}-${first + count - 1}`)).join(":"),
  );
}

/** An address of a /16. */
export function addressOf(prefix: string, { number }: Pick<Box, "number">): string {
  return `${prefix}.${number >> 8}.${number & 255}`;
}
