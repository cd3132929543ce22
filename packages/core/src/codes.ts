/** What sort of failure a code is; decides the exit status of the CLI. */
export type ErrorKind =
  | "invalid"
  | "not-found"
  | "conflict"
  | "exhausted"
  | "unsupported"
  | "permission"
  | "unavailable"
  | "cancelled"
  | "drift"
  | "kernel"
  | "internal";

/** Exit status of the CLI by kind; 0 is success and 1 is left to the commands that netkit runs. */
export const exitCodes: Readonly<Record<ErrorKind, number>> = {
  invalid: 2,
  "not-found": 3,
  conflict: 4,
  exhausted: 5,
  unsupported: 6,
  permission: 7,
  unavailable: 8,
  drift: 9,
  kernel: 10,
  internal: 70,
  cancelled: 130,
};

interface Code {
  readonly kind: ErrorKind;
  /** One sentence for the table of codes in the docs. */
  readonly doc: string;
}

/** The only list of error codes; exit codes and the docs derive from it. */
export const codes = {
  NAME_INVALID: { kind: "invalid", doc: "A name holds characters that names can't hold, or is too long." },
  ADDRESS_INVALID: { kind: "invalid", doc: "An address, MAC address or subnet can't be parsed." },
  SUBNET_INVALID: {
    kind: "invalid",
    doc: "A subnet, gateway, range or auxiliary address doesn't fit; all problems are listed.",
  },
  ROUTE_INVALID: { kind: "invalid", doc: "A route of a network doesn't fit; all problems are listed." },
  PORT_INVALID: { kind: "invalid", doc: "A published port can't be parsed or is out of range." },
  OPTION_UNKNOWN: { kind: "invalid", doc: "The driver has no such option." },
  OPTION_INVALID: { kind: "invalid", doc: "An option has a value that its driver refuses." },
  ARGUMENT_INVALID: { kind: "invalid", doc: "An argument is missing, not understood or contradicts another one." },
  CONFIG_INVALID: { kind: "invalid", doc: "The configuration file can't be parsed or holds an unknown key." },
  DRIVER_INVALID: {
    kind: "invalid",
    doc: "A driver package doesn't export a driver, or its driver breaks the contract.",
  },
  OUTSIDE_INVALID: { kind: "invalid", doc: "What others say of a network is missing, or makes no sense." },
  DRIVER_API: { kind: "unsupported", doc: "The driver speaks another version of the driver contract." },
  DRIVER_UNKNOWN: { kind: "not-found", doc: "No driver of that name is registered." },
  NETWORK_NOT_FOUND: { kind: "not-found", doc: "No network has that name or id." },
  SANDBOX_NOT_FOUND: { kind: "not-found", doc: "No sandbox has that name or id." },
  ENDPOINT_NOT_FOUND: { kind: "not-found", doc: "The sandbox is not connected to that network." },
  CONTAINER_NOT_FOUND: { kind: "not-found", doc: "Another engine has no such container, or it isn't running." },
  NAMESPACE_NOT_FOUND: { kind: "not-found", doc: "The network namespace is gone." },
  PORT_NOT_FOUND: { kind: "not-found", doc: "The sandbox publishes no such port." },
  AGENT_NOT_FOUND: { kind: "not-found", doc: "No agent of this root runs." },
  LINK_NOT_FOUND: { kind: "not-found", doc: "A link that must exist doesn't." },
  ID_AMBIGUOUS: { kind: "conflict", doc: "A prefix selects more than one object." },
  NAME_TAKEN: { kind: "conflict", doc: "The name is in use." },
  SUBNET_OVERLAP: { kind: "conflict", doc: "A subnet overlaps another network's or a route of the host." },
  ADDRESS_TAKEN: { kind: "conflict", doc: "The address is in use or reserved." },
  ADDRESS_OUTSIDE: {
    kind: "invalid",
    doc: "The address lies in no subnet of the network, or not in this host's part of it.",
  },
  PORT_TAKEN: { kind: "conflict", doc: "A host port is in use by another endpoint or by a socket." },
  RESOURCE_CONFLICT: { kind: "conflict", doc: "Two owners want the same kernel object with different settings." },
  LINK_TAKEN: { kind: "conflict", doc: "A link of that name exists and isn't netkit's." },
  NETWORK_IN_USE: { kind: "conflict", doc: "Sandboxes are still connected to the network." },
  NETWORK_PREDEFINED: { kind: "conflict", doc: "The predefined networks can't be created or removed." },
  SANDBOX_IN_USE: { kind: "conflict", doc: "The sandbox still has a live process or other members." },
  ENDPOINT_EXISTS: { kind: "conflict", doc: "The sandbox is already connected to that network." },
  NAMESPACE_ADOPTED: { kind: "conflict", doc: "The namespace already belongs to a sandbox." },
  STATE_CHANGED: {
    kind: "conflict",
    doc: "Another process changed the state at the same time, too often to try again.",
  },
  POOL_EXHAUSTED: { kind: "exhausted", doc: "No free subnet, address, port or VNI is left." },
  UNSUPPORTED: { kind: "unsupported", doc: "The driver, the namespace or this kernel can't do that." },
  TOOL_MISSING: { kind: "unsupported", doc: "A program or library that netkit needs is not installed." },
  STATE_NEWER: { kind: "unsupported", doc: "The state was written by a newer netkit." },
  PERMISSION: { kind: "permission", doc: "netkit needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) for this." },
  STATE_UNWRITABLE: { kind: "unavailable", doc: "The state directory is read-only, full, damaged, or another user's." },
  STORE_UNAVAILABLE: {
    kind: "unavailable",
    doc: "The servers of the distributed store can't be reached, or can't answer now.",
  },
  STORE_REFUSED: { kind: "permission", doc: "The distributed store refuses the user, the token or the certificate." },
  STORE_READ_ONLY: {
    kind: "unsupported",
    doc: "Hosts share networks by a file, in which they have to be changed.",
  },
  STORE_LIMIT: { kind: "unsupported", doc: "A commit holds more keys or bytes than the store takes at once." },
  LOCKED: { kind: "unavailable", doc: "Another netkit process holds the lock for too long." },
  AGENT_RUNNING: { kind: "conflict", doc: "An agent of this root runs already." },
  AGENT_UNAVAILABLE: { kind: "unavailable", doc: "The agent can't start, can't be reached, or doesn't answer." },
  AGENT_DEGRADED: { kind: "unavailable", doc: "The agent can't serve a sandbox or a port." },
  ENGINE_UNAVAILABLE: {
    kind: "unavailable",
    doc: "Another engine, such as Docker, can't be reached or doesn't answer.",
  },
  CANCELLED: { kind: "cancelled", doc: "The caller gave up; what had been done was undone." },
  DRIFT: { kind: "drift", doc: "The kernel differs from what is stored." },
  KERNEL: { kind: "kernel", doc: "The kernel refused a request." },
  FIREWALL: { kind: "kernel", doc: "nftables or iptables refused a request." },
  COMMAND: { kind: "kernel", doc: "A program that netkit ran failed." },
  TEARDOWN: { kind: "kernel", doc: "Some of the objects could not be removed; all failures are listed." },
  INTERNAL: { kind: "internal", doc: "A bug in netkit." },
} as const;

export type ErrorCode = keyof typeof codes;

// isolatedDeclarations allows no `satisfies` on an export; this line checks the same.
codes satisfies Readonly<Record<ErrorCode, Code>>;
