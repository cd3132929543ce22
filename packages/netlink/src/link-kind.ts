import type { Attributes, AttributeWriter } from "./attribute.ts";
import { nameOf, withoutUndefined } from "./decoded.ts";
import { AF_INET, AF_INET6, ofFamily } from "./ip-family.ts";
import { formatAddress, parseAddress } from "./ip-bytes.ts";

/** What is particular to a kind of link: part of a request for one, and decoded in a {@link Link}. */
export type LinkKind = BridgeKind | VxlanKind | MacvlanKind | IpvlanKind | VlanKind | PlainKind;

/** A kind without settings of its own. */
export interface PlainKind {
  readonly kind: "dummy" | "ifb";
}

/** A bridge (IFLA_BR_*, linux/if_link.h). */
export interface BridgeKind {
  readonly kind: "bridge";
  readonly stp?: boolean;
  /** In hundredths of a second. */
  readonly forwardDelayCs?: number;
  /** In hundredths of a second. */
  readonly ageingTimeCs?: number;
  readonly vlanFiltering?: boolean;
  readonly vlanDefaultPvid?: number;
  readonly multicastSnooping?: boolean;
  /** Which link-local groups 01:80:c2:00:00:0x are forwarded, a bit each. */
  readonly groupForwardMask?: number;
  /** Pass IPv4 frames to iptables, whatever the namespace's bridge-nf-call-iptables says. */
  readonly callIptables?: boolean;
  /** Pass IPv6 frames to ip6tables. */
  readonly callIp6tables?: boolean;
}

/** A VXLAN tunnel (IFLA_VXLAN_*, linux/if_link.h; RFC 7348). */
export interface VxlanKind {
  readonly kind: "vxlan";
  /** The VXLAN network identifier, 24 bits. */
  readonly vni: number;
  /** Where frames of unknown destination go: a peer or a multicast group. */
  readonly remote?: string;
  /** The source address of the tunnel. */
  readonly local?: string;
  /** The ifindex of the link below. */
  readonly underlay?: number;
  /** The destination UDP port. The kernel's default is 8472, not IANA's 4789. */
  readonly port?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly learning?: boolean;
  readonly ageingTimeS?: number;
  /** Answer ARP from the neighbour table. */
  readonly proxy?: boolean;
  readonly l2Miss?: boolean;
  readonly l3Miss?: boolean;
  readonly udpChecksum?: boolean;
  readonly udp6ZeroChecksumTx?: boolean;
  readonly udp6ZeroChecksumRx?: boolean;
  /** Marks go with packets (group policy, draft-smith-vxlan-group-policy). */
  readonly groupPolicy?: true;
}

const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;
const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;

/** A macvlan (IFLA_MACVLAN_*, linux/if_link.h); its lower link is the request's `parent`. */
export interface MacvlanKind {
  readonly kind: "macvlan";
  readonly mode?: keyof typeof MACVLAN_MODES;
}

/** An ipvlan (IFLA_IPVLAN_*, linux/if_link.h); its lower link is the request's `parent`. */
export interface IpvlanKind {
  readonly kind: "ipvlan";
  readonly mode?: keyof typeof IPVLAN_MODES;
  readonly flag?: keyof typeof IPVLAN_FLAGS;
}

/** An 802.1Q VLAN (IFLA_VLAN_ID, linux/if_link.h); its lower link is the request's `parent`. */
export interface VlanKind {
  readonly kind: "vlan";
  readonly id: number;
}

interface Codec<K, Fields = Omit<K, "kind">> {
  encode(writer: AttributeWriter, kind: K): void;
  decode(attributes: Attributes): Fields;
}

type Width = "u8" | "u16" | "u32" | "be16";
/** A field's attribute type, its width, and whether it is a yes or no. */
type Field = readonly [type: number, width: Width, boolean?: true];

const BRIDGE_FIELDS: Readonly<Record<Exclude<keyof BridgeKind, "kind">, Field>> = {
  stp: [5, "u32", true],
  forwardDelayCs: [1, "u32"],
  ageingTimeCs: [4, "u32"],
  vlanFiltering: [7, "u8", true],
  vlanDefaultPvid: [39, "u16"],
  multicastSnooping: [23, "u8", true],
  groupForwardMask: [9, "u16"],
  callIptables: [36, "u8", true],
  callIp6tables: [37, "u8", true],
};

const VXLAN_FIELDS: Readonly<Record<Exclude<keyof VxlanKind, "kind" | "remote" | "local" | "groupPolicy">, Field>> = {
  vni: [1, "u32"],
  underlay: [3, "u32"],
  port: [15, "be16"],
  ttl: [5, "u8"],
  tos: [6, "u8"],
  learning: [7, "u8", true],
  ageingTimeS: [8, "u32"],
  proxy: [11, "u8", true],
  l2Miss: [13, "u8", true],
  l3Miss: [14, "u8", true],
  udpChecksum: [18, "u8", true],
  udp6ZeroChecksumTx: [19, "u8", true],
  udp6ZeroChecksumRx: [20, "u8", true],
};

const VXLAN_GROUP_POLICY = 23;
const VXLAN_REMOTE: Either = { v4: 2, v6: 16 };
const VXLAN_LOCAL: Either = { v4: 4, v6: 17 };

const CODECS: { readonly [K in LinkKind as K["kind"]]: Codec<K> } = {
  bridge: {
    encode: (writer, kind) => encodeFields(writer, BRIDGE_FIELDS, kind),
    decode: (attributes) => decodeFields(attributes, BRIDGE_FIELDS),
  },
  vxlan: {
    encode(writer, kind) {
      encodeFields(writer, VXLAN_FIELDS, kind);
      encodeEither(writer, VXLAN_REMOTE, kind.remote);
      encodeEither(writer, VXLAN_LOCAL, kind.local);
      if (kind.groupPolicy === true) writer.flag(VXLAN_GROUP_POLICY);
    },
    decode(attributes) {
      const fields = decodeFields(attributes, VXLAN_FIELDS);
      const remote = decodeEither(attributes, VXLAN_REMOTE);
      const local = decodeEither(attributes, VXLAN_LOCAL);
      const groupPolicy = attributes.bytes(VXLAN_GROUP_POLICY) === undefined ? undefined : (true as const);
      return { ...fields, vni: Number(fields["vni"] ?? 0), ...withoutUndefined({ remote, local, groupPolicy }) };
    },
  },
  macvlan: {
    encode(writer, { mode }) {
      if (mode) writer.u32(1, MACVLAN_MODES[mode]);
    },
    decode: (attributes) => withoutUndefined({ mode: nameOf(MACVLAN_MODES, attributes.u32(1)) }),
  },
  ipvlan: {
    encode(writer, { mode, flag }) {
      if (mode) writer.u16(1, IPVLAN_MODES[mode]);
      if (flag) writer.u16(2, IPVLAN_FLAGS[flag]);
    },
    decode: (attributes) =>
      withoutUndefined({
        mode: nameOf(IPVLAN_MODES, attributes.u16(1)),
        flag: nameOf(IPVLAN_FLAGS, attributes.u16(2)),
      }),
  },
  vlan: {
    encode(writer, { id }) {
      writer.u16(1, id);
    },
    decode: (attributes) => ({ id: attributes.u16(1) ?? 0 }),
  },
  dummy: { encode() {}, decode: () => ({}) },
  ifb: { encode() {}, decode: () => ({}) },
};

const BY_NAME: ReadonlyMap<string, Codec<LinkKind, object>> = new Map(Object.entries<Codec<LinkKind, object>>(CODECS));

/** Write the attributes inside IFLA_INFO_DATA. */
export function encodeLinkKind(writer: AttributeWriter, kind: LinkKind): void {
  BY_NAME.get(kind.kind)?.encode(writer, kind);
}

/** Decode IFLA_INFO_DATA; `undefined` for a kind that isn't known here. */
export function decodeLinkKind(kind: string, attributes: Attributes): LinkKind | undefined {
  const fields = BY_NAME.get(kind)?.decode(attributes);
  return fields && ({ kind, ...fields } as LinkKind);
}

function encodeFields(writer: AttributeWriter, fields: Readonly<Record<string, Field>>, values: object): void {
  const given = values as Readonly<Record<string, number | boolean | undefined>>;
  for (const [name, [type, width]] of Object.entries(fields)) {
    const value = given[name];
    if (value !== undefined) writer[width](type, Number(value));
  }
}

function decodeFields(
  attributes: Attributes,
  fields: Readonly<Record<string, Field>>,
): Record<string, number | boolean> {
  const found: Record<string, number | boolean> = {};
  for (const [name, [type, width, boolean]] of Object.entries(fields)) {
    const value = attributes[width](type);
    if (value !== undefined) found[name] = boolean ? value !== 0 : value;
  }
  return found;
}

/** The attribute types of an address of either IP version. */
interface Either {
  readonly v4: number;
  readonly v6: number;
}

function decodeEither(attributes: Attributes, types: Either): string | undefined {
  const v4 = attributes.bytes(types.v4);
  const v6 = attributes.bytes(types.v6);
  return v4 ? formatAddress(ofFamily(v4, AF_INET)) : v6 && formatAddress(ofFamily(v6, AF_INET6));
}

function encodeEither(writer: AttributeWriter, types: Either, text: string | undefined): void {
  if (text === undefined) return;
  const bytes = parseAddress(text);
  writer.bytes(bytes.length === 4 ? types.v4 : types.v6, bytes);
}
