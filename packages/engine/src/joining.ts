import { NetkitError, type Sandbox } from "@netkit/core";
import type { EndpointRequest, SandboxRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { findSandbox, namespaceOf } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { locate, namespaceGone, sandboxState } from "./whereabouts.ts";

/** The sandbox behind `<driver>:<sandbox>`, if a request names one: it shares its namespace, files and hostname. */
export async function joinedSandbox(
  context: Context,
  draft: Draft,
  endpoints: readonly EndpointRequest[],
  request: SandboxRequest,
): Promise<Sandbox | undefined> {
  const first = endpoints.find(({ network }) => network.includes(":"));
  if (first === undefined) return undefined;
  const [driverName, ref] = splitOnce(first.network);
  const driver = await context.drivers.get(driverName);
  if (driver.traits.namespace !== "joined") {
    throw new NetkitError(
      "ARGUMENT_INVALID",
      `'${first.network}' is no network: driver '${driverName}' joins no sandboxes`,
      {
        hint: "Join a sandbox with container:SANDBOX.",
      },
    );
  }
  if (ref === "") {
    throw new NetkitError("ARGUMENT_INVALID", `'${first.network}' names no sandbox`, {
      hint: `Write it as ${driverName}:SANDBOX.`,
    });
  }
  if (ref === request.name) throw new NetkitError("ARGUMENT_INVALID", `sandbox '${ref}' can't join itself`);
  const holder = await findSandbox(draft, ref);
  const refusal = joinerRefusal(first, endpoints, request);
  if (refusal !== undefined) {
    throw new NetkitError("UNSUPPORTED", `a sandbox that joins '${holder.name}' can't have ${refusal}`, {
      hint: `It shares what '${holder.name}' has; give it to '${holder.name}'.`,
      details: { holder: holder.name },
    });
  }
  const namespace = await namespaceOf(draft, holder.namespace);
  if (locate(namespace) === undefined) throw namespaceGone(holder);
  if (sandboxState(holder) === "exited") {
    throw new NetkitError("NAMESPACE_NOT_FOUND", `sandbox '${holder.name}' isn't running, so that it can't be joined`, {
      hint: `Its process has ended: remove it (netkit sandbox rm ${holder.name}) and start it again.`,
    });
  }
  return holder;
}

function joinerRefusal(
  joining: EndpointRequest,
  endpoints: readonly EndpointRequest[],
  request: SandboxRequest,
): string | undefined {
  if (endpoints.length > 1) return "further networks";
  if ((joining.publish ?? []).length > 0) return "published ports of its own";
  if (joining.ip !== undefined || joining.ip6 !== undefined || joining.mac !== undefined) return "addresses of its own";
  // All that is left of a request speaks of an interface.
  if (Object.keys(joining).some((key) => key !== "network" && key !== "publish")) return "an interface of its own";
  if (request.netns !== undefined || request.pid !== undefined) return "another namespace";
  if (request.hostname !== undefined || request.domainname !== undefined) return "a hostname of its own";
  if (Object.keys(request.sysctls ?? {}).length > 0) return "sysctls of its own";
  if (request.dns !== undefined || (request.hosts ?? []).length > 0) return "name settings of its own";
  return undefined;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(":");
  return [text.slice(0, at), text.slice(at + 1)];
}
