import {
  isNetkitError,
  keyOf,
  NetkitError,
  shortId,
  type ErrorCode,
  type NamespaceRef,
  type Reading,
  type Resource,
} from "@netkit/core";
import type { Link, NetlinkError } from "@netkit/netlink";
import type { KernelResource } from "./kind.ts";
import type { Item } from "./transaction.ts";

/** A resource in words: `veth nkv0a1b`, `address eth0 10.0.0.2/24`. */
function nameOf(resource: Resource): string {
  if (resource.kind === "netns") return `namespace ${resource.name}`;
  const [kind, , ...identity] = keyOf(resource).split(" ");
  return [kind, ...identity].join(" ");
}

function subject({ resource, owner }: Item): string {
  const where = resource.ns === "host" || resource.kind === "netns" ? "" : ` in namespace ${shortId(resource.ns)}`;
  return `${nameOf(resource)}${where} of ${owner.type} '${owner.name}'`;
}

/** What the kernel's refusal means, and what may help. */
const meanings: Readonly<Record<string, { readonly code: ErrorCode; readonly hint?: string }>> = {
  EPERM: { code: "PERMISSION", hint: "Run netkit as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN." },
  EACCES: { code: "PERMISSION", hint: "Run netkit as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN." },
  EROFS: { code: "PERMISSION", hint: "/proc/sys is mounted read-only here: set it from outside, then try again." },
  EOPNOTSUPP: {
    code: "UNSUPPORTED",
    hint: "This kernel can't do that; perhaps a module is missing (see 'modprobe').",
  },
  ENETDOWN: { code: "KERNEL", hint: "The link that it lies on is down: set it up first ('ip link set dev LINK up')." },
  EAFNOSUPPORT: { code: "UNSUPPORTED", hint: "This kernel lacks the address family; is IPv6 disabled?" },
  EBUSY: { code: "KERNEL", hint: "Something else uses the link or its MAC address: see 'ip -d link'." },
  EADDRINUSE: { code: "KERNEL", hint: "Another link has this port, VNI or MAC address: see 'ip -d link'." },
  EXFULL: {
    code: "POOL_EXHAUSTED",
    hint: "A bridge takes 1,023 ports at most: use another network, or one that has no bridge ('network create --driver routed').",
  },
  ENETUNREACH: { code: "KERNEL", hint: "No address or route leads to the gateway: is it in the link's subnet?" },
  EHOSTUNREACH: { code: "KERNEL", hint: "No address or route leads to the gateway: is it in the link's subnet?" },
};

/** The same of a macvlan, where it is about the link that it lies on. */
const macvlanMeanings: typeof meanings = {
  EINVAL: {
    code: "KERNEL",
    hint: "Its parent has a macvlan of mode passthru, which is the only one there, or a smaller MTU: see 'ip -d link'.",
  },
  EBUSY: {
    code: "KERNEL",
    hint: "Its parent is a port of a bridge or bond (name that one instead), or something on it has the MAC address: see 'ip -d link'.",
  },
};

/** The same of an ipvlan. */
const ipvlanMeanings: typeof meanings = {
  EBUSY: {
    code: "KERNEL",
    hint: "Its parent is a port of a bridge or bond (name that one instead), or has macvlans on it: see 'ip -d link'.",
  },
};

const meaningsOf: Readonly<Partial<Record<KernelResource["kind"], typeof meanings>>> = {
  macvlan: macvlanMeanings,
  ipvlan: ipvlanMeanings,
};

/** The modules of kinds of links that not every kernel has. */
const modules: Readonly<Partial<Record<KernelResource["kind"], string>>> = {
  dummy: "dummy",
  ifb: "ifb",
  ipvlan: "ipvlan",
  macvlan: "macvlan",
  vlan: "8021q",
  vxlan: "vxlan",
};

function noSuchLinks(kind: string, module: string): (typeof meanings)[string] {
  return {
    code: "UNSUPPORTED",
    hint: `This kernel has no ${kind} links; if it has the module ${module}, load it: modprobe ${module}`,
  };
}

/** Traffic control calls what the kernel doesn't have not found. */
function meaningOf({ resource }: Item, { code }: NetlinkError): (typeof meanings)[string] {
  const isTraffic = resource.kind === "shaper" || resource.kind === "redirect";
  const ofKind = meaningsOf[resource.kind]?.[code];
  if (ofKind !== undefined) return ofKind;
  const module = modules[resource.kind];
  if (code === "EOPNOTSUPP" && module !== undefined) return noSuchLinks(resource.kind, module);
  return meanings[isTraffic && code === "ENOENT" ? "EOPNOTSUPP" : code] ?? { code: "KERNEL" };
}

export function refusal(item: Item, error: NetlinkError): NetkitError {
  const { code, hint = "See 'netkit doctor' and the kernel's log (dmesg)." } = meaningOf(item, error);
  return new NetkitError(code, `${subject(item)}: ${error.message}`, {
    hint,
    details: detailsOf(item, error),
    cause: error,
  });
}

const fileMeanings: typeof meanings = {
  ...meanings,
  EROFS: { code: "KERNEL", hint: "Its file system is mounted read-only: see 'findmnt'." },
  ENOSPC: { code: "KERNEL", hint: "Its file system is full: free some space." },
};

/** The refusal of a file operation, or `error` as it is when it isn't one. */
export function fileRefusal(item: Item, error: unknown): unknown {
  if (isNetkitError(error) || !(error instanceof Error) || !("code" in error) || typeof error.code !== "string") {
    return error;
  }
  const known = (item.resource.kind === "file" ? fileMeanings : meanings)[error.code];
  const hint = known?.hint ?? "See that the path exists and can be written.";
  return new NetkitError(known?.code ?? "KERNEL", `${subject(item)}: ${error.message}`, {
    hint,
    details: { resource: item.resource, errno: error.code },
    cause: error,
  });
}

export function linkNotFound(item: Item, ns: NamespaceRef, name: string): NetkitError {
  const place = ns === "host" ? "" : ` in namespace ${shortId(ns)}`;
  return new NetkitError("LINK_NOT_FOUND", `${subject(item)}: there is no link '${name}'${place}`, {
    hint: `If it is netkit's own, 'netkit doctor --repair' brings it back; else make it first (see 'ip link').`,
    details: { resource: item.resource, link: name, namespace: ns },
  });
}

/** What somebody else should have made isn't there. */
export function notThere(item: Item): NetkitError {
  const { resource } = item;
  if ("name" in resource && resource.kind !== "netns") return linkNotFound(item, resource.ns, resource.name);
  return new NetkitError("RESOURCE_CONFLICT", `${subject(item)} must exist already, and doesn't`, {
    hint: "Make it first, or let netkit make it.",
    details: { resource },
  });
}

export function foreignLink(item: Item, link: Link): NetkitError {
  const kind = link.kind ?? "physical link";
  const of = link.alias === undefined ? "without netkit's mark" : `with the alias '${link.alias}'`;
  return new NetkitError("LINK_TAKEN", `${subject(item)}: '${link.name}' is a ${kind} ${of}`, {
    hint: `Rename or remove it ('ip link delete dev ${link.name}'), or choose another name.`,
    details: { resource: item.resource, link: link.name, kind: link.kind, alias: link.alias },
  });
}

/** Another link has what the kernel lets one have. */
export function outrivalled(item: Item, { name, kind, alias }: Link, error: NetlinkError): NetkitError {
  const { resource } = item;
  const of = alias === undefined ? "without netkit's mark" : `with the alias '${alias}'`;
  const what = resource.kind === "vxlan" ? `the VNI ${resource.vni} on port ${resource.port}` : "what it needs";
  return new NetkitError(
    "LINK_TAKEN",
    `${subject(item)} can't be made: '${name}', a ${kind ?? "link"} ${of}, has ${what}`,
    {
      hint: `Remove that link ('ip link delete dev ${name}') if nobody needs it, or make the network anew with another VNI (-o vni=).`,
      details: { resource, link: name, kind, alias, errno: error.code, extack: error.extack },
      cause: error,
    },
  );
}

/** Something else is where the resource should be made. */
export function taken(item: Item, reading: Reading, error?: NetlinkError): NetkitError {
  const { resource } = item;
  const differences = reading.state === "different" ? reading.differences : [];
  const how = differences
    .map(({ field, wanted, found }) => `${field} is ${show(found)}, not ${show(wanted)}`)
    .join(", ");
  const isLink = "name" in resource && resource.kind !== "netns";
  const peer = resource.kind === "veth" && reading.state === "missing" ? ` (or its peer '${resource.peer.name}')` : "";
  return new NetkitError(
    isLink ? "LINK_TAKEN" : "RESOURCE_CONFLICT",
    `${subject(item)}${peer} exists already${how === "" ? "" : `: ${how}`}`,
    {
      hint: isLink ? "See 'ip -d link'; remove it or choose another name." : "Remove it, or choose other settings.",
      details: { resource, differences, ...(error === undefined ? {} : { errno: error.code, extack: error.extack }) },
      ...(error === undefined ? {} : { cause: error }),
    },
  );
}

function show(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}

function detailsOf({ resource }: Item, error: NetlinkError): Record<string, unknown> {
  return { resource, operation: error.op, errno: error.code, extack: error.extack };
}
