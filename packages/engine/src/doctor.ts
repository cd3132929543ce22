import {
  keyOf,
  linkUnder,
  rankOf,
  type Change,
  type Difference,
  type FileResource,
  type Namespace,
  type Owner,
  type Reading,
  type Resource,
  type Sandbox,
} from "@netkit/core";
import { isAlive } from "@netkit/sandbox";
import type { Finding } from "./api.ts";
import type { Draft } from "./draft.ts";
import { chooseFirewall, findSwitch } from "./firewall.ts";
import { endpointsOfNamespace, everythingHeld, type Reader } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { describe } from "./planning.ts";
import { removeSandbox } from "./sandboxes.ts";
import { keys } from "./state.ts";
import type { Survey } from "./survey.ts";
import { untuned } from "./tuned.ts";
import { isAwaited } from "./whereabouts.ts";
import { isTaken } from "./handed-over.ts";

/** A sandbox that is over, and why. */
export interface SandboxFinding {
  readonly sandbox: Sandbox;
  readonly finding: Finding;
}

export interface Examination {
  readonly findings: readonly Finding[];
  /** What has to be done in the kernel to mend the findings about resources. */
  readonly changes: readonly Change[];
  readonly checked: number;
}

/** Compares everything stored with the kernel, but for what goes with the sandboxes `over`. Changes nothing. */
export async function examine(
  context: Context,
  reader: Survey,
  over: readonly SandboxFinding[] = [],
): Promise<Examination> {
  const { handlers, firewall } = await context.host.open();
  const findings: Finding[] = await knowNamespaces(context, reader, over);
  const held = await everythingHeld(reader);
  const compared = over.length === 0 ? held : await everythingHeld(reader, await ownersOf(reader, over));
  const changes: Change[] = [];
  // What another backend has made is not to be compared with this one's tables.
  const switching = findSwitch(context, await chooseFirewall(context));
  if (switching !== undefined) findings.push(switching);
  for (const handler of handlers) {
    if (handler === firewall && switching !== undefined) continue;
    const own = [...compared.values()].filter(({ resource }) => handler.kinds.has(resource.kind));
    const readings = await handler.read(own.map(({ resource }) => resource));
    const theirs = new Set(own.flatMap(({ resource }, index) => takenLink(resource, readings[index]) ?? []));
    for (const [index, { resource, owner }] of own.entries()) {
      const reading = untuned(resource, readings[index] ?? { state: "same" });
      if (reading.state === "same") continue;
      const { finding, change }: { finding: Finding; change?: Change } = isEdited(resource, reading)
        ? { finding: editedFile(resource, owner) }
        : inTheWay(resource, drift(resource, owner, reading), theirs);
      findings.push(finding);
      if (change !== undefined) changes.push(change);
    }
    for (const stray of await handler.strays(new Set(held.keys()))) {
      findings.push({
        problem: "stray",
        object: describe(stray),
        resource: stray,
        message: `${describe(stray)} ${isEntry(stray) ? "is in a table of a link of netkit's" : "carries netkit's mark"}, but nothing stored implies it`,
        repairable: true,
      });
      changes.push({
        op: "remove",
        key: keyOf(stray),
        resource: stray,
        owner: { type: "network", id: "", name: "stray" },
      });
    }
  }
  return { findings: causesFirst(findings), changes, checked: compared.size };
}

/** With a link goes what lies on it. */
export function causesFirst(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((one, other) => placeOf(one) - placeOf(other));
}

function placeOf({ resource }: Finding): number {
  return resource === undefined ? -1 : rankOf(resource.kind);
}

/**
 * Sandboxes that nothing is left of, or that were to go with their process. Without the lock, some that others make or remove
 * meanwhile are among them.
 */
export async function examineSandboxes(context: Context, reader: Survey): Promise<SandboxFinding[]> {
  const found: SandboxFinding[] = [];
  const namespaces = new Map((await reader.range<Namespace>("namespace/")).map(({ value }) => [value.id, value]));
  for (const { value: sandbox } of await reader.range<Sandbox>("sandbox/")) {
    const namespace = namespaces.get(sandbox.namespace);
    const report = (problem: "gone" | "ended", message: string): void => {
      found.push({ sandbox, finding: { problem, object: `sandbox ${sandbox.name}`, message, repairable: true } });
    };
    const isGone = namespace === undefined || reader.locate(namespace) === undefined;
    if (isGone && namespace !== undefined && isAwaited(namespace, sandbox)) continue;
    if (isGone && namespace !== undefined && (await isTaken(context, reader, namespace))) continue;
    if (isGone) {
      report("gone", `sandbox '${sandbox.name}': its network namespace is gone`);
    } else if (hasEnded(sandbox)) {
      report("ended", `sandbox '${sandbox.name}': its process has ended, and it is to go with it`);
    }
  }
  return found;
}

export function hasEnded(sandbox: Sandbox): boolean {
  return sandbox.autoRemove && sandbox.process !== undefined && !isAlive(sandbox.process);
}

/** Removes the sandboxes of findings that nobody has removed since they were found. */
export async function removeFound(
  context: Context,
  draft: Draft,
  found: readonly { readonly sandbox: Sandbox }[],
): Promise<void> {
  for (const { sandbox } of found) {
    const now = await draft.get<Sandbox>(keys.sandbox(sandbox.id));
    if (now !== undefined) await removeSandbox(context, draft, now);
  }
}

/** Somebody's writing in a file that may be written into. */
function isEdited(resource: Resource, { state }: Reading): resource is FileResource {
  return resource.kind === "file" && resource.edits !== undefined && state === "different";
}

function editedFile(resource: FileResource, owner: Owner): Finding {
  const object = describe(resource);
  const later = resource.edits === "merge" ? "netkit changes no more than its own lines" : "netkit leaves it alone";
  return {
    problem: "edited",
    object,
    owner,
    resource,
    message: `${object} of ${owner.type} '${owner.name}' was edited; ${later}`,
    repairable: false,
  };
}

/** A resource that isn't as stored, and what mends it. */
export function drift(
  resource: Resource,
  owner: Owner,
  reading: Exclude<Reading, { state: "same" }>,
): { finding: Finding; change?: Change } {
  const object = describe(resource);
  const by = owner.type === "endpoint" ? `endpoint ${owner.name}` : `${owner.type} '${owner.name}'`;
  const foreign = resource.ensure === "exists";
  const lost = reading.state === "missing" && "handedOver" in resource && resource.handedOver;
  const message =
    reading.state === "missing"
      ? `${object} of ${by} is missing${resource.kind === "netns" ? ", though a process lives in it" : ""}`
      : `${object} of ${by} differs: ${differing(reading.differences)}`;
  const finding: Finding = {
    problem: reading.state,
    object,
    owner,
    resource,
    ...(reading.state === "different" ? { differences: reading.differences } : {}),
    message: foreign
      ? `${message}; it isn't netkit's, so that netkit can't mend it`
      : lost
        ? `${message}; its other end was handed over, and a new one would be nowhere`
        : message,
    ...(lost ? { hint: `Have Docker make it anew: ${reconnection(owner)}` } : {}),
    repairable: !foreign && !lost,
  };
  if (foreign || lost) return { finding };
  const key = keyOf(resource);
  const change: Change =
    reading.state === "missing"
      ? { op: "create", key, resource, owner }
      : { op: "replace", key, resource, previous: resource, owner };
  return { finding, change };
}

/** The commands that take an endpoint's interface away and make another one, for whoever has it: netkit calls both as Docker does. */
function reconnection({ name }: Owner): string {
  const at = name.lastIndexOf("@");
  const [sandbox, network] = [name.slice(0, at), name.slice(at + 1)];
  return ["disconnect", "connect"].map((verb) => `docker network ${verb} ${network} ${sandbox}`).join(" && ");
}

/** In a link's table, which has no marks. */
function isEntry({ kind }: Resource): boolean {
  return kind === "fdb" || kind === "neighbour";
}

/** The place of a link of the host's that netkit made, if another one is there that isn't netkit's. */
function takenLink(resource: Resource, reading: Reading | undefined): string | undefined {
  if (resource.ensure === "exists" || resource.ns !== "host" || !("name" in resource)) return undefined;
  if (resource.kind === "netns" || reading?.state !== "different") return undefined;
  return reading.differences.some(({ field }) => field === "alias") ? resource.name : undefined;
}

/** What is netkit's has no place while somebody else's link is there: neither that nor what belongs on it is touched. */
function inTheWay(
  resource: Resource,
  found: { readonly finding: Finding; readonly change?: Change },
  theirs: ReadonlySet<string>,
): { readonly finding: Finding; readonly change?: Change } {
  if (resource.ns !== "host" || theirs.size === 0) return found;
  const { finding } = found;
  if ("name" in resource && theirs.has(resource.name)) {
    return {
      finding: {
        ...finding,
        message: `${finding.message}; it isn't netkit's, and in the way of what was`,
        hint: "Rename or remove it, then 'netkit doctor --repair' makes netkit's own again:",
        remedy: [`ip link delete dev ${resource.name}`],
        repairable: false,
      },
    };
  }
  const link = [linkUnder(resource), "master" in resource ? resource.master : undefined].find(
    (name) => typeof name === "string" && theirs.has(name),
  );
  if (link === undefined) return found;
  return {
    finding: { ...finding, message: `${finding.message}; '${String(link)}' isn't netkit's`, repairable: false },
  };
}

/** What of a whole ruleset isn't as declared is the same for all that it holds: one thing stands for the others. */
function differing(differences: readonly Difference[]): string {
  const [ofRuleset, own] = [true, false].map((of) => differences.filter(({ field }) => (field === "ruleset") === of));
  const [first, ...others] = (ofRuleset ?? []).map(({ found }) => show(found));
  return [
    ...(own ?? []).map(({ field, wanted, found }) => `${field} is ${show(found)}, not ${show(wanted)}`),
    ...(first === undefined ? [] : [first, ...(others.length === 0 ? [] : [`and ${others.length} more`])]),
  ].join(", ");
}

function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "absent");
}

/** The owners of what goes with sandboxes: namespaces that lose their last member, and their endpoints. */
async function ownersOf(reader: Reader, over: readonly SandboxFinding[]): Promise<Set<string>> {
  const gone = new Set(over.map(({ sandbox }) => sandbox.id));
  const owners = new Set<string>();
  for (const { value } of await reader.range<Namespace>("namespace/")) {
    if (!value.members.every((member) => gone.has(member))) continue;
    owners.add(value.id);
    for (const { id } of await endpointsOfNamespace(reader, value.id)) owners.add(id);
  }
  return owners;
}

/**
 * Has the handlers open each namespace by what opens it now. A name that netkit gave is a resource like others; where
 * somebody else's path is gone there is a finding.
 */
async function knowNamespaces(context: Context, reader: Survey, over: readonly SandboxFinding[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  const going = new Set(over.map(({ sandbox }) => sandbox.id));
  for (const { value: namespace } of await reader.range<Namespace>("namespace/")) {
    const { id, path, owner, members } = namespace;
    const found = reader.locate(namespace);
    context.host.namespaces.set(id, found ?? path);
    if (owner !== "stranger" || found === undefined || found === path) continue;
    if (members.every((member) => going.has(member))) continue;
    const sandbox = members[0] === undefined ? undefined : await reader.get<Sandbox>(`sandbox/${members[0]}`);
    findings.push({
      problem: "missing",
      object: `namespace ${path}`,
      message: `${path}, the adopted network namespace of sandbox '${sandbox?.name ?? id}', is missing, though a process lives in it (${found}); netkit can't mend what isn't its own`,
      ...(sandbox === undefined
        ? {}
        : { hint: `Unless it is to stay until that process ends: netkit sandbox rm ${sandbox.name}` }),
      repairable: false,
    });
  }
  return findings;
}
