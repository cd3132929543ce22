import * as z from "zod/mini";

type Scalar = string | number | boolean;

export interface FileContent {
  readonly hosts: Readonly<Record<string, string | { readonly address: string; readonly mtu?: number | undefined }>>;
  readonly networks?: Readonly<Record<string, NetworkContent>> | undefined;
}

export interface NetworkContent {
  readonly driver?: string | undefined;
  readonly subnets: readonly (string | { readonly subnet: string; readonly gateway?: string | undefined })[];
  readonly hosts: Readonly<Record<string, string | readonly string[]>>;
  readonly options?: Readonly<Record<string, Scalar>> | undefined;
  readonly internal?: boolean | undefined;
  readonly labels?: Readonly<Record<string, Scalar>> | undefined;
  readonly endpoints?: Readonly<Record<string, EndpointContent>> | undefined;
}

interface EndpointContent {
  readonly host: string;
  readonly ip?: string | undefined;
  readonly ip6?: string | undefined;
  readonly mac?: string | undefined;
}

const text = z.string().check(z.minLength(1), z.maxLength(255));
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const describe = z.describe;

const host = z.strictObject({
  address: text.check(describe("Its address on the underlay, where tunnels end.")),
  mtu: z.optional(
    z.int().check(z.minimum(68), z.maximum(65_536), describe("The MTU of the link that has the address.")),
  ),
});

const subnet = z.strictObject({ subnet: text, gateway: z.optional(text) });

const endpoint = z.strictObject({
  host: text.check(describe("The name of the host that the sandbox is on.")),
  ip: z.optional(text),
  ip6: z.optional(text),
  mac: z.optional(text.check(describe("Its MAC; default the one that follows from its address."))),
});

const network = z.strictObject({
  driver: z.optional(text.check(describe("Default: overlay."))),
  subnets: z.array(z.union([text, subnet])).check(z.minLength(1), describe("CIDRs, or each with its gateway.")),
  hosts: z
    .record(text, z.union([text, z.array(text)]))
    .check(describe("The part of each subnet that a host hands out addresses of, as CIDRs, by its name.")),
  options: z.optional(z.record(text, scalar).check(describe("As -o of 'network create'; an overlay needs its vni."))),
  internal: z.optional(z.boolean()),
  labels: z.optional(z.record(text, scalar)),
  endpoints: z.optional(
    z.record(text, endpoint).check(describe("Sandboxes that all hosts know by name, each with its address.")),
  ),
});

/** A file that hosts share instead of a store. */
export const peersFileSchema: z.ZodMiniType<FileContent> = z.strictObject({
  hosts: z
    .record(text, z.union([text, host]))
    .check(describe("All hosts by name, each with its address on the underlay.")),
  networks: z.optional(z.record(text, network).check(describe("All networks by name."))),
});

/** The JSON schema of the file, as published in `hosts.schema.json`. */
export function peersFileJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(peersFileSchema, { target: "draft-2020-12" }),
    title: "Hosts that share networks, and the networks",
  };
}
