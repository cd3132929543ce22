import {
  isNetkitError,
  NetkitError,
  type Endpoint,
  type Namespace,
  type PortSpec,
  type Sandbox,
  type SandboxProcess,
} from "@netkit/core";
import { bootId, processesByNamespace, spawnInSandbox, type SandboxChild } from "@netkit/sandbox";
import { existsSync } from "node:fs";
import type { ChangeOptions, EndpointRequest, RunOptions, SandboxDetails, SandboxHandle } from "./api.ts";
import { consistently } from "./consistently.ts";
import { sandboxDetails } from "./details.ts";
import { explaining } from "./explained.ts";
import { publish, unpublish } from "./endpoint-ports.ts";
import { connect } from "./endpoints.ts";
import { leave, refuseEngines } from "./guests.ts";
import { endpointsOfNamespace, namespaceOf, readerOf, type Reader } from "./lookup.ts";
import { operate, type Context } from "./operation.ts";
import { operateTogether } from "./together.ts";
import { changeNameServers } from "./name-server-change.ts";
import { rename } from "./renaming.ts";
import { checkChange, checkEndpointDetails, checkEndpointRequest } from "./request-shape.ts";
import { filesDirectory } from "./sandbox-files.ts";
import { removeSandbox } from "./sandboxes.ts";
import { locate, namespaceGone } from "./whereabouts.ts";
import { keys } from "./state.ts";
import { ending, liveProcesses, refuseLive, refuseOthers, stopProcesses } from "./stopping.ts";

type Ports = readonly (PortSpec | string)[];

/** A sandbox of an instance. It holds nothing but the id: every call reads the state as it is by then. */
export function sandboxHandle(context: Context, { id, name }: Sandbox, namespace: Namespace): SandboxHandle {
  const reader = readerOf(context.store);
  const current = async (from: Reader = reader): Promise<Sandbox> => await stillThere(from, { id, name });

  const run = async (command: readonly string[], options: RunOptions = {}): Promise<SandboxChild> => {
    const { sandbox, inside } = await consistently(async () => {
      const now = await current();
      return { sandbox: now, inside: await namespaceOf(reader, now.namespace) };
    });
    const namespacePath = locate(inside);
    if (namespacePath === undefined) throw namespaceGone({ name });
    const files = filesDirectory(context.instance, inside);
    return spawnInSandbox({
      ...options,
      command,
      ...(inside.owner === "host" ? {} : { namespacePath, ...namesOf(sandbox) }),
      ...(existsSync(files) ? { filesDirectory: files } : {}),
    });
  };

  const handle: SandboxHandle = explaining({
    id,
    name,
    netns: namespace.owner === "host" ? undefined : namespace.path,
    inspect: async (): Promise<SandboxDetails> =>
      await consistently(async () => await sandboxDetails(reader, await current())),
    connect: async (
      request: EndpointRequest | string,
      second: Omit<EndpointRequest, "network"> & ChangeOptions = {},
      third?: ChangeOptions,
    ): Promise<Endpoint> => {
      if (typeof request === "string") checkEndpointDetails(second);
      else checkEndpointRequest(request);
      const options: ChangeOptions = third ?? second;
      if (options !== second || typeof request !== "string") checkChange(options);
      const whole: EndpointRequest = typeof request === "string" ? { ...second, network: request } : request;
      return await operateTogether(
        context,
        `connect ${name} to ${whole.network}`,
        async (draft) => {
          const sandbox = await current(draft);
          await refuseEngines(draft, sandbox, whole);
          return await connect(context, draft, sandbox, whole);
        },
        options,
        [keys.sandbox(id), keys.namespace(namespace.id), keys.owned(namespace.id), keys.networkName(whole.network)],
      );
    },
    disconnect: async (network: string, options: ChangeOptions = {}) => {
      checkChange(options);
      return await operate(
        context,
        `disconnect ${name} from ${network}`,
        async (draft) => await leave(context, draft, await current(draft), network),
        options,
      );
    },
    publish: async (
      network: string | undefined,
      ports: Ports,
      options?: ChangeOptions & Pick<EndpointRequest, "portsHeld">,
    ) =>
      await operateTogether(
        context,
        `publish ports of ${name}`,
        async (draft) =>
          await publish(context, draft, await current(draft), { ref: network, held: options?.portsHeld }, ports),
        options,
      ),
    unpublish: async (network: string | undefined, ports: Ports, options?: ChangeOptions) =>
      await operate(
        context,
        `unpublish ports of ${name}`,
        async (draft) => await unpublish(context, draft, await current(draft), network, ports),
        options,
      ),
    rename: async (names, options) =>
      await operate(
        context,
        `rename ${name}`,
        async (draft) => await rename(context, draft, await current(draft), names),
        options,
      ),
    setNameServers: async (servers, options) =>
      await operate(
        context,
        `change the name servers of ${name}`,
        async (draft) => await changeNameServers(context, draft, await current(draft), servers),
        options,
      ),
    run,
    start: async (command, options) => {
      const child = await run(command, options);
      const process: SandboxProcess = { pid: child.pid, startTime: child.startTime, boot: bootId(), command };
      try {
        await operate(context, `start ${name}`, async (draft) => {
          const sandbox = await current(draft);
          draft.put(keys.sandbox(id), { ...sandbox, process } satisfies Sandbox);
          if (sandbox.autoRemove) draft.put(keys.reap(id), 1);
          if (sandbox.names && sandbox.autoRemove && options?.detached === true) draft.needsAgent = true;
        });
      } catch (error) {
        // A process that nothing knows of would be a leak.
        child.kill("SIGKILL");
        throw error;
      }
      return child;
    },
    close: async () => {
      try {
        await remove(context, [await current()], { force: true });
      } catch (error) {
        if (!isNetkitError(error) || error.code !== "SANDBOX_NOT_FOUND") throw error;
      }
    },
    [Symbol.asyncDispose]: async () => await handle.close(),
  });
  return handle;
}

/** The sandbox as it is by now. @throws NetkitError SANDBOX_NOT_FOUND: somebody has removed it */
async function stillThere(reader: Reader, { id, name }: Pick<Sandbox, "id" | "name">): Promise<Sandbox> {
  const found = await reader.get<Sandbox>(keys.sandbox(id));
  if (found !== undefined) return found;
  throw new NetkitError("SANDBOX_NOT_FOUND", `sandbox '${name}' has been removed`, { details: { id } });
}

function namesOf({ hostname, domainname }: Sandbox): Pick<Sandbox, "hostname" | "domainname"> {
  return { hostname, ...(domainname === undefined ? {} : { domainname }) };
}

/** Removes sandboxes; their live processes are ended first if `force` says so, and are in the way otherwise. */
export async function remove(
  context: Context,
  sandboxes: readonly Sandbox[],
  options: ChangeOptions & { readonly force?: boolean },
): Promise<Sandbox[]> {
  const reader = readerOf(context.store);
  const gone = new Set(sandboxes.map(({ id }) => id));
  // An agent that watches a process that is ended here may be faster; by force, that is a removal like this one.
  const find = async (from: Reader, sandbox: Sandbox): Promise<Sandbox | undefined> =>
    options.force === true ? await from.get<Sandbox>(keys.sandbox(sandbox.id)) : await stillThere(from, sandbox);
  const ends = new Set<number>();
  let all = processesByNamespace();
  for (const sandbox of sandboxes) {
    const namespace = await consistently(async () => {
      const found = await find(reader, sandbox);
      return found === undefined ? undefined : await namespaceOf(reader, found.namespace);
    });
    if (namespace === undefined) continue;
    const staying = namespace.members.filter((member) => member !== sandbox.id && !gone.has(member));
    const live = liveProcesses(sandbox, { ...namespace, members: [sandbox.id, ...staying] }, all);
    if (options.force !== true) {
      refuseLive(sandbox, live);
      if (staying.length === 0) refuseOthers(sandbox, namespace, await endpointsOfNamespace(reader, namespace.id));
    } else if (options.dryRun !== true && live.length > 0) {
      await stopProcesses(live);
      // That takes its time, in which others may have started some.
      all = processesByNamespace();
    }
    for (const { pid } of live) ends.add(pid);
  }
  const { onPlan } = options;
  return await operate(
    context,
    `remove sandbox ${sandboxes.map(({ name }) => name).join(", ")}`,
    async (draft) => {
      for (const sandbox of sandboxes) {
        const found = await find(draft, sandbox);
        if (found !== undefined) await removeSandbox(context, draft, found);
      }
      return [...sandboxes];
    },
    onPlan === undefined ? options : { ...options, onPlan: (preview) => onPlan(ending(preview, [...ends])) },
  );
}
