import * as z from "zod";

/** What Go writes for an empty object. */
type Options = Readonly<Record<string, unknown>>;

/** Docker's ids of networks and endpoints, which are netkit's as well. Those of swarm's networks are others. */
const id = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hex digits: netkit's networks are none of swarm's");

/** Go writes what is empty as null, "" or not at all. */
const text = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === "" ? undefined : value));
const options = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value): Options => value ?? {});

export const nothing: z.ZodType = z.unknown();

export interface IpamData {
  /** Of the IPAM driver that the network has. */
  readonly AddressSpace?: string | undefined;
  readonly Pool?: string | undefined;
  readonly Gateway?: string | undefined;
  readonly AuxAddresses: Readonly<Record<string, string>>;
}
const ipamList = z
  .array(
    z.object({
      AddressSpace: text,
      Pool: text,
      Gateway: text,
      AuxAddresses: z
        .record(z.string(), z.string())
        .nullish()
        .transform((value) => value ?? {}),
    }),
  )
  .nullish()
  .transform((value): readonly IpamData[] => value ?? []);

interface NetworkIds {
  readonly NetworkID: string;
}
const networkIds = z.object({ NetworkID: id });
export const network: z.ZodType<NetworkIds> = networkIds;

export interface CreateNetwork extends NetworkIds {
  readonly Options: Options;
  readonly IPv4Data: readonly IpamData[];
  readonly IPv6Data: readonly IpamData[];
}
export const createNetwork: z.ZodType<CreateNetwork> = networkIds.extend({
  Options: options,
  IPv4Data: ipamList,
  IPv6Data: ipamList,
});

export interface EndpointIds extends NetworkIds {
  readonly EndpointID: string;
}
const endpointIds = networkIds.extend({ EndpointID: id });
export const endpoint: z.ZodType<EndpointIds> = endpointIds;

interface Interface {
  readonly Address?: string | undefined;
  readonly AddressIPv6?: string | undefined;
  readonly MacAddress?: string | undefined;
}
export interface CreateEndpoint extends EndpointIds {
  readonly Interface: Interface;
  readonly Options: Options;
}
export const createEndpoint: z.ZodType<CreateEndpoint> = endpointIds.extend({
  Interface: z
    .object({ Address: text, AddressIPv6: text, MacAddress: text })
    .nullish()
    .transform((value): Interface => value ?? {}),
  Options: options,
});

export const join: z.ZodType<EndpointIds & { readonly SandboxKey: string }> = endpointIds.extend({
  SandboxKey: z.string().startsWith("/"),
});
export const programExternalConnectivity: z.ZodType<EndpointIds & { readonly Options: Options }> = endpointIds.extend({
  Options: options,
});

/** One of `com.docker.network.portmap` (moby, daemon/libnetwork/types.PortBinding). */
interface PortBinding {
  /** 6 TCP, 17 UDP, 132 SCTP (IANA). */
  readonly Proto: number;
  readonly Port: number;
  readonly HostIP?: string | undefined;
  /** 0: any. */
  readonly HostPort?: number | null | undefined;
  readonly HostPortEnd?: number | null | undefined;
}
const port = z.int().min(0).max(65_535);
export const portBindings: z.ZodType<PortBinding[]> = z.array(
  z.object({
    Proto: z.int(),
    Port: port.min(1),
    HostIP: text,
    HostPort: port.nullish(),
    HostPortEnd: port.nullish(),
  }),
);

interface RequestPool {
  readonly Pool?: string | undefined;
  readonly SubPool?: string | undefined;
  readonly Options: Options;
  readonly V6?: boolean | null | undefined;
}
export const requestPool: z.ZodType<RequestPool> = z.object({
  Pool: text,
  SubPool: text,
  Options: options,
  V6: z.boolean().nullish(),
});
export const releasePool: z.ZodType<{ readonly PoolID: string }> = z.object({ PoolID: z.string() });

interface RequestAddress {
  readonly PoolID: string;
  readonly Address?: string | undefined;
  readonly Options: Options;
}
export const requestAddress: z.ZodType<RequestAddress> = z.object({
  PoolID: z.string(),
  Address: text,
  Options: options,
});
export const releaseAddress: z.ZodType<{ readonly PoolID: string; readonly Address: string }> = z.object({
  PoolID: z.string(),
  Address: z.string(),
});
