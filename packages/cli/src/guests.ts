import { readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { nearest, isName, isNetkitError, NetkitError } from "@netkit/core";
import type { GuestRequest, Netkit, SandboxHandle } from "@netkit/engine";
import { dockerSocket } from "./docker-socket.ts";

/** Says of a guest's sandbox where it comes from. */
const guestLabel = "netkit.guest";

/** What is known of a container, by an engine's API. */
interface Container {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly pid: number | undefined;
}

/** One way of naming what runs already. */
interface Scheme {
  /** What a reference begins with. */
  readonly prefix: string;
  readonly what: string;
  readonly hint: string;
  /** Whether what follows the prefix can name one. */
  accepts(rest: string): boolean;
  find(rest: string): Promise<GuestRequest>;
  /** What may follow the prefix. */
  candidates(): Promise<readonly string[]>;
}

/** Where `ip netns` keeps those that have names. */
const namespaces = "/run/netns";

const schemes: readonly Scheme[] = [
  {
    prefix: "docker://",
    what: "container of Docker",
    hint: "Write it as docker://NAME or docker://ID: 'docker ps' lists those that run.",
    accepts: isName,
    find: async (rest) => asGuest("docker://", "Docker", rest, await (await docker()).container(rest)),
    candidates: async () => (await (await docker()).containers()).map(({ name }) => name),
  },
  {
    prefix: "podman://",
    what: "container of Podman",
    hint: "Write it as podman://NAME or podman://ID: 'podman ps' lists those that run.",
    accepts: isName,
    find: async (rest) => {
      const { podmanContainer } = await import("./podman.ts");
      return asGuest("podman://", "Podman", rest, await podmanContainer(rest));
    },
    candidates: async () => await (await import("./podman.ts")).podmanNames(),
  },
  {
    prefix: "pid://",
    what: "process",
    hint: "Write it as pid://NUMBER: 'pgrep -a NAME' finds it.",
    accepts: (rest) => /^[1-9][0-9]{0,9}$/.test(rest),
    find: async (pid) => ({
      name: `pid-${pid}`,
      place: { pid: Number(pid) },
      labels: { [guestLabel]: `pid://${pid}` },
    }),
    candidates: async () => [],
  },
  {
    prefix: "netns:",
    what: "path of a network namespace",
    hint: `Write it as netns:${namespaces}/NAME: 'ip netns' lists the names.`,
    accepts: (rest) => rest.startsWith("/"),
    find: async (path) => {
      const netns = resolve(path);
      return { name: nameOf(netns), place: { netns }, labels: { [guestLabel]: `netns:${netns}` } };
    },
    candidates: async () => readdirSync(namespaces).map((name) => `${namespaces}/${name}`),
  },
];

/** How what runs already is named, for help. */
export const guestForms = "docker://CONTAINER, podman://CONTAINER, pid://PID or netns:/PATH";

/**
 * What a reference names that no sandbox could be called; undefined: it is a sandbox's.
 * @throws NetkitError ARGUMENT_INVALID, CONTAINER_NOT_FOUND, ENGINE_UNAVAILABLE, TOOL_MISSING
 */
export async function findGuest(ref: string): Promise<GuestRequest | undefined> {
  const scheme = schemes.find(({ prefix }) => ref.startsWith(prefix));
  if (scheme !== undefined) {
    const rest = ref.slice(scheme.prefix.length);
    if (scheme.accepts(rest)) return await scheme.find(rest);
    throw new NetkitError("ARGUMENT_INVALID", `'${ref.slice(0, 200)}' names no ${scheme.what}`, { hint: scheme.hint });
  }
  const [kind = "", ...others] = ref.split(/(?<=:\/{0,2})(?![:/])/);
  if (!ref.includes(":")) return undefined;
  const meant = nearest(
    kind,
    schemes.map(({ prefix }) => prefix),
  );
  const rest = others.join("").slice(0, 130);
  throw new NetkitError("ARGUMENT_INVALID", `'${ref.slice(0, 130)}' is neither a sandbox nor what runs elsewhere`, {
    hint: meant === undefined ? `What runs elsewhere is named ${guestForms}.` : `Did you mean '${meant}${rest}'?`,
  });
}

/**
 * The sandbox that a reference names: its own name, or that of a guest.
 * @throws NetkitError SANDBOX_NOT_FOUND, and what {@link findGuest} does
 */
export async function findMember(netkit: Netkit, ref: string): Promise<SandboxHandle> {
  const guest = await findGuest(ref);
  if (guest === undefined) return await netkit.sandboxes.get(ref);
  const found = await netkit.sandboxes.at(guest.place).catch(async (error: unknown) => {
    // Its namespace, or the path alone, is gone, and nobody has noticed yet.
    const left =
      isNetkitError(error) && error.code === "NAMESPACE_NOT_FOUND" ? await leftOver(netkit, guest) : undefined;
    if (left === undefined) throw error;
    return left;
  });
  if (found !== undefined) return found;
  throw new NetkitError("SANDBOX_NOT_FOUND", `'${ref}' is on no network of netkit's`, {
    hint: "'netkit sandbox ls' lists what is.",
    details: { ref },
  });
}

async function leftOver(netkit: Netkit, { labels = {} }: GuestRequest): Promise<SandboxHandle | undefined> {
  const all = await netkit.sandboxes.list();
  const found = all.find(({ guest, labels: its }) => guest === true && its[guestLabel] === labels[guestLabel]);
  return found && (await netkit.sandboxes.get(found.id));
}

/** What may be said in place of a sandbox's name; of a kind that is named already, all there are. */
export async function guestCandidates(partial: string): Promise<{ word: string; summary?: string }[]> {
  const scheme = schemes.find(({ prefix }) => partial.startsWith(prefix));
  if (scheme === undefined) return schemes.map(({ prefix, what }) => ({ word: prefix, summary: `a ${what}` }));
  return (await scheme.candidates()).map((rest) => ({ word: scheme.prefix + rest }));
}

/** @throws NetkitError CONTAINER_NOT_FOUND */
function asGuest(prefix: string, engine: string, ref: string, container: Container | undefined): GuestRequest {
  if (container === undefined) {
    throw new NetkitError("CONTAINER_NOT_FOUND", `${engine} has no container '${ref}'`, {
      hint: `'${engine.toLowerCase()} ps' lists those that run.`,
      details: { ref },
    });
  }
  const { id, name, hostname, pid } = container;
  if (pid === undefined) {
    throw new NetkitError("CONTAINER_NOT_FOUND", `${engine}'s container '${name}' isn't running`, {
      hint: `It has a network while it runs: ${engine.toLowerCase()} start ${name}`,
      details: { ref, id },
    });
  }
  return {
    name,
    place: { pid },
    aliases: [id.slice(0, 12), hostname].filter(isName),
    labels: { [guestLabel]: prefix + id },
  };
}

async function docker(): Promise<import("@netkit/runtime-docker").DockerApi> {
  const { DockerApi } = await import("@netkit/runtime-docker");
  return new DockerApi(dockerSocket());
}

/** After the last part of its path, so far as that can be a name. */
function nameOf(path: string): string {
  const [name] = /[a-zA-Z0-9][a-zA-Z0-9_.-]{0,119}$/.exec(basename(path)) ?? [];
  return name ?? "netns";
}
