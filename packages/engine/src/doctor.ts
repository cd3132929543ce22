import {
  keyOf,
  type Change,
  type Namespace,
  type Owner,
  type Reading,
  type Resource,
  type ResourceKey,
  type Sandbox,
} from "@netkit/core";
import { isAlive } from "@netkit/sandbox";
import type { Finding } from "./api.ts";
import type { Draft } from "./draft.ts";
import { endpointsOfNamespace, readerOf, type Reader } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { describe } from "./planning.ts";
import { locate, removeSandbox } from "./sandboxes.ts";
import type { Owned } from "./state.ts";

interface Held {
  readonly resource: Resource;
  readonly owner: Owner;
}

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
export async function examine(context: Context, over: readonly SandboxFinding[] = []): Promise<Examination> {
  const reader = readerOf(context.store);
  const { handlers } = await context.host.open();
  const findings: Finding[] = await knowNamespaces(context, reader);
  const held = await everythingHeld(reader);
  const compared = over.length === 0 ? held : await everythingHeld(reader, await ownersOf(reader, over));
  const changes: Change[] = [];
  for (const handler of handlers) {
    const own = [...compared.values()].filter(({ resource }) => handler.kinds.has(resource.kind));
    const readings = await handler.read(own.map(({ resource }) => resource));
    for (const [index, { resource, owner }] of own.entries()) {
      const reading = readings[index];
      if (reading === undefined || reading.state === "same") continue;
      const { finding, change } = drift(resource, owner, reading);
      findings.push(finding);
      if (change !== undefined) changes.push(change);
    }
    for (const stray of await handler.strays(new Set(held.keys()))) {
      findings.push({
        problem: "stray",
        object: describe(stray),
        resource: stray,
        message: `${describe(stray)} carries netkit's mark, but nothing stored implies it`,
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
  return { findings, changes, checked: compared.size };
}

/** Sandboxes that nothing is left of, or that were to go with their process. */
export async function examineSandboxes(context: Context): Promise<SandboxFinding[]> {
  const reader = readerOf(context.store);
  const found: SandboxFinding[] = [];
  const namespaces = new Map((await reader.range<Namespace>("namespace/")).map(({ value }) => [value.id, value]));
  for (const { value: sandbox } of await reader.range<Sandbox>("sandbox/")) {
    const namespace = namespaces.get(sandbox.namespace);
    const report = (problem: "gone" | "ended", message: string): void => {
      found.push({ sandbox, finding: { problem, object: `sandbox ${sandbox.name}`, message, repairable: true } });
    };
    if (namespace === undefined || locate(namespace) === undefined) {
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

/** Removes the sandboxes of findings. */
export async function removeFound(
  context: Context,
  draft: Draft,
  found: readonly { readonly sandbox: Sandbox }[],
): Promise<void> {
  for (const { sandbox } of found) await removeSandbox(context, draft, sandbox);
}

function drift(
  resource: Resource,
  owner: Owner,
  reading: Exclude<Reading, { state: "same" }>,
): { finding: Finding; change?: Change } {
  const object = describe(resource);
  const by = owner.type === "endpoint" ? `endpoint ${owner.name}` : `${owner.type} '${owner.name}'`;
  const foreign = resource.ensure === "exists";
  const message =
    reading.state === "missing"
      ? `${object} of ${by} is missing${resource.kind === "netns" ? ", though a process lives in it" : ""}`
      : `${object} of ${by} differs: ${reading.differences.map(({ field, wanted, found }) => `${field} is ${show(found)}, not ${show(wanted)}`).join(", ")}`;
  const finding: Finding = {
    problem: reading.state,
    object,
    owner,
    resource,
    ...(reading.state === "different" ? { differences: reading.differences } : {}),
    message: foreign ? `${message}; it isn't netkit's, so that netkit can't mend it` : message,
    repairable: !foreign,
  };
  if (foreign) return { finding };
  const key = keyOf(resource);
  const change: Change =
    reading.state === "missing"
      ? { op: "create", key, resource, owner }
      : { op: "replace", key, resource, previous: resource, owner };
  return { finding, change };
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

async function everythingHeld(
  reader: Reader,
  without: ReadonlySet<string> = new Set(),
): Promise<Map<ResourceKey, Held>> {
  const held = new Map<ResourceKey, Held>();
  for (const { value } of await reader.range<Owned>("owned/")) {
    if (without.has(value.owner.id)) continue;
    for (const resource of value.resources) {
      const key = keyOf(resource);
      if (!held.has(key)) held.set(key, { resource, owner: value.owner });
    }
  }
  return held;
}

/**
 * Has the handlers open each namespace by what opens it now. A name that netkit gave is a resource like others; where
 * somebody else's path is gone there is a finding.
 */
async function knowNamespaces(context: Context, reader: Reader): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { value: namespace } of await reader.range<Namespace>("namespace/")) {
    const { id, path, owner, members } = namespace;
    const found = locate(namespace);
    context.host.namespaces.set(id, found ?? path);
    if (owner !== "stranger" || found === undefined || found === path) continue;
    const sandbox = members[0] === undefined ? undefined : await reader.get<Sandbox>(`sandbox/${members[0]}`);
    findings.push({
      problem: "missing",
      object: `namespace ${path}`,
      message: `${path}, the adopted network namespace of sandbox '${sandbox?.name ?? id}', is missing, though a process lives in it (${found}); netkit can't mend what isn't its own`,
      repairable: false,
    });
  }
  return findings;
}
