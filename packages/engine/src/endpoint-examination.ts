import { NetkitError, type Endpoint, type EndpointId } from "@netkit/core";
import type { Finding } from "./api.ts";
import { consistently } from "./consistently.ts";
import { causesFirst, drift } from "./doctor.ts";
import { chooseFirewall, findSwitch } from "./firewall.ts";
import { namespaceOf, sandboxOf } from "./lookup.ts";
import { requireRoot, type Context } from "./operation.ts";
import { keys, type Owned } from "./state.ts";
import { Survey } from "./survey.ts";
import { untuned } from "./tuned.ts";

/** Compares what one endpoint has with the kernel. @throws NetkitError ENDPOINT_NOT_FOUND */
export async function examineEndpoint(context: Context, id: EndpointId): Promise<Finding[]> {
  requireRoot("compare an endpoint with the kernel");
  const compare = async (): Promise<Finding[]> => await consistently(async () => await examine(context, id));
  if ((await compare()).length === 0) return [];
  // What an operation is in the middle of looks like drift.
  using _ = await context.lock.acquire(undefined);
  return await compare();
}

async function examine(context: Context, id: EndpointId): Promise<Finding[]> {
  const survey = new Survey(context.store);
  const endpoint = await survey.get<Endpoint>(keys.endpoint(id));
  const owned = await survey.get<Owned>(keys.owned(id));
  if (endpoint === undefined || owned === undefined) {
    throw new NetkitError("ENDPOINT_NOT_FOUND", `there is no endpoint '${id}'`, {
      hint: "'netkit sandbox inspect' shows those of a sandbox.",
      details: { endpoint: id },
    });
  }
  const namespace = await namespaceOf(survey, endpoint.namespace);
  const path = survey.locate(namespace);
  if (path === undefined) {
    const { name } = await sandboxOf(survey, endpoint.sandbox);
    const message = `sandbox '${name}': its network namespace is gone`;
    return [{ problem: "gone", object: `sandbox ${name}`, message, repairable: true }];
  }
  context.host.namespaces.set(namespace.id, path);
  const { handlers, firewall } = await context.host.open();
  const switching = findSwitch(context, await chooseFirewall(context));
  const findings: Finding[] = [];
  for (const handler of handlers) {
    const own = owned.resources.filter(({ kind }) => handler.kinds.has(kind));
    if (own.length === 0) continue;
    // What another backend has made is not to be compared with this one's tables.
    if (handler === firewall && switching !== undefined) {
      findings.push(switching);
      continue;
    }
    const readings = await handler.read(own);
    for (const [index, resource] of own.entries()) {
      const reading = untuned(resource, readings[index] ?? { state: "same" });
      if (reading.state === "same") continue;
      findings.push(drift(resource, owned.owner, reading).finding);
    }
  }
  return causesFirst(findings);
}
