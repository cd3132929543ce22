import type {
  EndpointId,
  HostId,
  Ip,
  NamespaceId,
  NetworkId,
  Owner,
  Protocol,
  Resource,
  ResourceKey,
  SandboxId,
} from "@netkit/core";
import type { FirewallKind } from "@netkit/netfilter";
import type { SharedItem } from "./shared/changes.ts";

/** What the keys of published ports begin with. */
export const portsPrefix = "ports/";

/** What the keys of namespaces begin with. */
export const namespacePrefix = "namespace/";

/**
 * The layout of a store: one JSON document per key. Whatever must be unique is a key, whatever is looked up by
 * something else has an index key; nothing needs a scan that grows with the instance.
 */
export const keys = {
  /** The boot id that the kernel objects belong to. */
  boot: "boot",
  network: (id: NetworkId) => `network/${id}`,
  networkName: (name: string) => `network-name/${name}`,
  sandbox: (id: SandboxId) => `sandbox/${id}`,
  sandboxName: (name: string) => `sandbox-name/${name}`,
  namespace: (id: NamespaceId) => `${namespacePrefix}${id}`,
  /** A namespace by what the kernel calls it: it can be adopted once. */
  cookie: (boot: string, cookie: string) => `namespace-cookie/${boot}/${cookie}`,
  endpoint: (id: EndpointId) => `endpoint/${id}`,
  /** Endpoints by network, and by namespace. */
  attached: (network: NetworkId, endpoint: EndpointId | "") => `attached/${network}/${endpoint}`,
  member: (namespace: NamespaceId, endpoint: EndpointId | "") => `member/${namespace}/${endpoint}`,
  /** Addresses in use, sorted: see addressKey of `@netkit/ipam`. */
  address: (network: NetworkId, addressKey: string) => `address/${network}/${addressKey}`,
  /** Addresses that somebody has who attaches by other means than netkit, or that are kept for an endpoint; see loans.ts. */
  loan: (network: NetworkId, holder: string) => `loan/${network}/${encodeURIComponent(holder)}`,
  /** Networks by the ids that other engines have for theirs that stand for them. */
  joined: (id: string) => `joined/${id}`,
  /** The address that was handed out last. */
  cursor: (network: NetworkId, subnet: string) => `cursor/${network}/${subnet}`,
  /** Who publishes the host ports of a page of them; see host-ports.ts. */
  ports: (protocol: Protocol, page: number) => `${portsPrefix}${protocol}/${page}`,
  claim: (space: string, value: string) => `claim/${space}/${value}`,
  sharedClaim: (space: string, value: string, network: NetworkId | "") => `shared-claim/${space}/${value}/${network}`,
  /** The resources of an owner. */
  owned: (owner: string) => `owned/${owner}`,
  /** The ids of the owners that hold a resource of the host; published ports have none. */
  held: (key: ResourceKey) => `held/${key}`,
  /** Sandboxes to remove when their process has ended. */
  reap: (id: SandboxId | "") => `reap/${id}`,
  /** This host as others know it, and what its records in the shared store are written under. */
  self: "host",
  lease: "lease",
  /** The {@link SharedOptions.id} of the store that others are known from. */
  sharedStore: "shared-store",
  /** What is known of other hosts, and of their endpoints on global networks. */
  host: (id: HostId | "") => `host/${id}`,
  /** Those that have gone, for a while. */
  departed: (id: HostId | "") => `departed/${id}`,
  /** The networks that those were on. */
  departedFrom: (id: HostId, network: NetworkId | "") => `departed-from/${id}/${network}`,
  remote: (network: NetworkId, endpoint: EndpointId | "") => `remote/${network}/${endpoint}`,
  /** Who else is on a network that others have a say in, by the driver's name for them. */
  outsider: (network: NetworkId, name: string) => `outside/${network}/${name}`,
  /** What the firewall resources were applied with; see firewall.ts. */
  firewall: "firewall",
  journal: "journal/open",
} as const;

/** The resources of one owner as last planned: what removing it takes away. */
export interface Owned {
  readonly owner: Owner;
  readonly resources: readonly Resource[];
}

/** The owner behind `address/...`: an endpoint, or a word for a reserved one. */
export interface AddressHolder {
  readonly endpoint: EndpointId;
  readonly ip: Ip;
  /** Of another host's endpoint, or of a loan, whose `endpoint` is "": who it is, in words. */
  readonly who?: string;
  /** It is kept for an endpoint that another engine will ask for; `endpoint` is "". */
  readonly kept?: true;
}

export interface Write {
  readonly key: string;
  /** undefined removes the key. */
  readonly value: unknown;
}

/**
 * An operation that has begun to change the kernel. Written before the first change and removed with the last write
 * of the operation, under the instance's lock: whoever gets the lock and finds one knows that its process died.
 */
export interface JournalEntry {
  readonly title: string;
  readonly started: string;
  /** `undo`: take the plan back, which follows from the writes. `finish`: carry it out and then make the writes. */
  readonly recovery: "undo" | "finish";
  /** What is written at its end; JSON leaves out the value of a key that goes. */
  readonly writes: readonly Write[];
  /** The boot that the plan's kernel objects belong to. */
  readonly boot: string;
  /** What its firewall resources are applied with, if it has any. */
  readonly firewall?: FirewallKind;
  /** Namespaces that the plan names, as they are written nowhere else yet. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** What it writes to the store that hosts share, and what it removes there at its end. */
  readonly shared?: { readonly written: readonly SharedItem[]; readonly removed: readonly SharedItem[] };
}
