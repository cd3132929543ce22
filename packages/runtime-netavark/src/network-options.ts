import * as z from "zod";
import { refusal } from "./refusal.ts";

const text = z.string().max(4_096);
/** Podman leaves out what is not there, or writes `null`. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);
const texts = optional(z.record(z.string(), text));

const leaseRange = z.object({ start_ip: optional(text), end_ip: optional(text) });
const subnet = z.looseObject({ subnet: text, gateway: optional(text), lease_range: optional(leaseRange) });
const route = z.object({
  destination: text,
  gateway: optional(text),
  metric: optional(z.int().min(0)),
  route_type: optional(z.enum(["unicast", "blackhole", "unreachable", "prohibit"])),
});

/** What is not read here goes back to Podman as it is. */
export const networkSchema: z.ZodType<PodmanNetwork> = z.looseObject({
  name: text,
  id: optional(text),
  driver: text,
  network_interface: optional(text),
  dns_enabled: optional(z.boolean()),
  internal: optional(z.boolean()),
  ipv6_enabled: optional(z.boolean()),
  subnets: optional(z.array(subnet)),
  routes: optional(z.array(route)),
  network_dns_servers: optional(z.array(text)),
  options: texts,
  ipam_options: texts,
  labels: texts,
  created: optional(text),
});

const attachment = z.object({
  interface_name: text,
  static_ips: optional(z.array(text)),
  static_mac: optional(text),
  aliases: optional(z.array(text)),
  options: texts,
});

const portMapping = z.object({
  container_port: z.int().min(1).max(65_535),
  host_ip: optional(text),
  host_port: z.int().min(0).max(65_535),
  protocol: optional(text),
  range: optional(z.int().min(0).max(65_535)),
});

const schema = z.object({
  container_id: text.min(1),
  container_name: optional(text),
  networks: z.union([z.record(z.string(), attachment), z.array(attachment.extend({ name: text }))]),
  network_info: z.record(z.string(), networkSchema),
  port_mappings: optional(z.array(portMapping)),
  dns_servers: optional(z.array(text)),
});

export interface PodmanSubnet {
  readonly subnet: string;
  readonly gateway?: string | undefined;
  /** What Podman hands out of it. */
  readonly lease_range?: { readonly start_ip?: string | undefined; readonly end_ip?: string | undefined } | undefined;
}

interface PodmanRoute {
  readonly destination: string;
  readonly gateway?: string | undefined;
  readonly metric?: number | undefined;
  readonly route_type?: "unicast" | "blackhole" | "unreachable" | "prohibit" | undefined;
}

type Texts = Readonly<Record<string, string>>;

/** A network as Podman has it. */
export interface PodmanNetwork {
  readonly name: string;
  /** 64 hex digits. */
  readonly id?: string | undefined;
  readonly driver: string;
  /** The bridge's name, or the link that others lie on. */
  readonly network_interface?: string | undefined;
  readonly dns_enabled?: boolean | undefined;
  readonly internal?: boolean | undefined;
  readonly ipv6_enabled?: boolean | undefined;
  readonly subnets?: readonly PodmanSubnet[] | undefined;
  readonly routes?: readonly PodmanRoute[] | undefined;
  /** Who is asked for names that nobody on the network has. */
  readonly network_dns_servers?: readonly string[] | undefined;
  readonly options?: Texts | undefined;
  readonly ipam_options?: Texts | undefined;
  readonly labels?: Texts | undefined;
  /** ISO 8601. */
  readonly created?: string | undefined;
}

/** What Podman wants of one interface of a container. */
export interface Attachment {
  readonly interface_name: string;
  readonly static_ips?: readonly string[] | undefined;
  readonly static_mac?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly options?: Texts | undefined;
}

export interface PodmanPort {
  readonly container_port: number;
  readonly host_ip?: string | undefined;
  readonly host_port: number;
  readonly protocol?: string | undefined;
  /** How many ports beginning with those; absent or 0: one. */
  readonly range?: number | undefined;
}

/** What Podman hands to `setup` and `teardown`. */
export interface NetworkOptions {
  readonly container_id: string;
  readonly container_name?: string | undefined;
  /** By what Podman calls the network, in the order of the interfaces. */
  readonly networks: readonly (readonly [string, Attachment])[];
  readonly network_info: Readonly<Record<string, PodmanNetwork>>;
  readonly port_mappings?: readonly PodmanPort[] | undefined;
  /** The container's own (`--dns`). */
  readonly dns_servers?: readonly string[] | undefined;
}

/** @throws NetkitError */
export function parseNetworkOptions(input: string): NetworkOptions {
  const result = schema.safeParse(decode(input));
  if (!result.success) throw unreadable(z.prettifyError(result.error).slice(0, 2_000));
  const { networks, ...others } = result.data;
  return {
    ...others,
    networks: Array.isArray(networks)
      ? networks.map(({ name, ...attachment }) => [name, attachment] as const)
      : Object.entries(networks),
  };
}

/** Whose container an input is about, whatever else is wrong; "": nobody's. */
export function peekContainer(input: string): string {
  const found = /"container_id"\s*:\s*"([^"\\]{1,4096})"/.exec(input);
  return found?.[1] ?? "";
}

/** Whether a network's driver may be a plugin: none of the words that are for networks and for IPAM. */
export function mayUsePlugins(input: string): boolean {
  return /"driver"\s*:\s*"(?!(?:bridge|macvlan|ipvlan|host-local|dhcp|none|)")/.test(input);
}

export function decode(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch (cause) {
    throw unreadable(`JSON Decoding error: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

export function unreadable(why: string): Error {
  return refusal(`failed to load network options: ${why}`);
}
