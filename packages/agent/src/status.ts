import * as z from "zod";

/** What an agent tells of itself. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly root: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** It was started to stay; otherwise it ends when nothing needs it. */
  readonly stays: boolean;
  /** Engines whose containers can be on netkit's networks by it, by name: Docker. */
  readonly engines: readonly string[];
  readonly networks: number;
  readonly sandboxes: number;
  readonly endpoints: number;
  /** Sandboxes in which names are served. */
  readonly nameServers: number;
  /** Host ports that are held by a socket. */
  readonly reservedPorts: number;
  readonly watchedProcesses: number;
  /** Routes of the host that take addresses of a network. */
  readonly overlaps: number;
  /** Streams of events. */
  readonly listeners: number;
  /** It shares networks with other hosts, by a store of theirs. */
  readonly shares: boolean;
  /** This host has a lease there. */
  readonly holdsLease: boolean;
  /** The store doesn't answer, since when (ISO 8601, UTC) and why. */
  readonly storeAway?: { readonly since: string; readonly message: string };
  /** What is wrong with what this host shares, as long as it is. */
  readonly troubles: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
  /** The path of the file that hosts share instead of a store, and why what it says doesn't hold, or not for all that is here. */
  readonly peersFile?: { readonly path: string; readonly troubles: readonly string[] } | undefined;
}

const count = z.int().min(0);

export const statusSchema: z.ZodType<Status> = z.strictObject({
  version: z.string(),
  pid: count,
  root: z.string(),
  started: z.iso.datetime(),
  stays: z.boolean(),
  engines: z.array(z.string()),
  networks: count,
  sandboxes: count,
  endpoints: count,
  nameServers: count,
  reservedPorts: count,
  watchedProcesses: count,
  overlaps: count,
  listeners: count,
  shares: z.boolean(),
  holdsLease: z.boolean(),
  storeAway: z.exactOptional(z.strictObject({ since: z.iso.datetime(), message: z.string() })),
  troubles: z.array(z.strictObject({ code: z.string(), message: z.string(), hint: z.exactOptional(z.string()) })),
  peersFile: z.optional(z.strictObject({ path: z.string(), troubles: z.array(z.string()) })),
});
