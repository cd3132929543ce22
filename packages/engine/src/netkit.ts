import { statSync } from "node:fs";
import { release } from "node:os";
import { join, resolve } from "node:path";
import { defaultRoot, instanceOf, isNetkitError, NetkitError, parseIp, type Network } from "@netkit/core";
import { makeDirectory, openSqliteStore } from "@netkit/store-sqlite";
import type { Netkit, NetkitOptions, Networks, Sandboxes } from "./api.ts";
import { consistently } from "./consistently.ts";
import { everySandbox, networkDetails } from "./details.ts";
import { Drivers } from "./drivers.ts";
import { examineEndpoint } from "./endpoint-examination.ts";
import { remove, sandboxHandle } from "./handle.ts";
import { explained, explaining } from "./explained.ts";
import { follow } from "./following.ts";
import { chooseFirewall } from "./firewall.ts";
import { findForeign } from "./foreign.ts";
import { freeSubnet } from "./free-subnet.ts";
import { holderAt, join as joinGuest, warnOfLoopback } from "./guests.ts";
import { overlaps } from "./overlaps.ts";
import { Host } from "./host.ts";
import { lend, loansOf, takeBack } from "./loans.ts";
import { Lock } from "./lock.ts";
import { byAge, findSandbox, namespaceOf, readerOf } from "./lookup.ts";
import { catchUp, collect, doctor, restoreFirewall } from "./maintenance.ts";
import { addSubnets, dropSubnets } from "./joined-subnets.ts";
import { joinNetwork, joinsOf, leaveNetwork } from "./network-joins.ts";
import { removeNetwork } from "./network-removal.ts";
import { renameNetwork } from "./network-renaming.ts";
import { createNetwork, declare } from "./networks.ts";
import { operate, type Context } from "./operation.ts";
import { operateTogether } from "./together.ts";
import { OtherRoots } from "./other-roots.ts";
import {
  checkChange,
  checkEndpointRequest,
  checkGuestRequest,
  checkJoinRequest,
  checkLoanRequest,
  checkNetworkRequest,
  checkPlace,
  checkSandboxRequest,
} from "./request-shape.ts";
import { listHosts } from "./shared/listing.ts";
import { findNamesakes } from "./shared/namesakes.ts";
import { outOfTouch } from "./shared/out-of-touch.ts";
import { Shared } from "./shared/shared.ts";
import { findNetworkHere } from "./shared/unfollowed.ts";
import { openSandbox } from "./sandboxes.ts";
import { keys } from "./state.ts";

/**
 * Opens the instance of a root directory on the host that the calling thread is in. Several processes may have one
 * instance open. Nothing is changed but the state directory, which is made if it is missing.
 * @throws NetkitError STATE_UNWRITABLE, STATE_NEWER, DRIVER_API
 */
export async function openNetkit(options: NetkitOptions = {}): Promise<Netkit> {
  const root = options.root ?? defaultRoot;
  const instance = instanceOf(resolve(root));
  const drivers = new Drivers(options);
  const hostGateway = (options.hostGateway ?? []).map(parseIp);
  const { store, unwritable } =
    options.store === undefined
      ? openState(instance.root, options.looking === true)
      : { store: options.store, unwritable: undefined };
  const context: Context = {
    instance,
    store,
    unwritable,
    drivers,
    host: new Host(instance, options.firewall ?? "auto", options.onTiming),
    lock: new Lock(unwritable === undefined ? join(instance.root, "lock") : undefined),
    waiting: { group: undefined },
    otherRoots: new OtherRoots(instance, "/run/netkit"),
    networkDefaults: options.networkDefaults ?? {},
    hostGateway,
    onTiming: options.onTiming,
    agent: options.agent,
    shared: new Shared(instance.root, options.shared),
    openStore: options.openStore,
  };
  try {
    if (options.store !== undefined) makeDirectory(instance.root);
    await predefine(context).catch((error: unknown) => {
      if (unwritable === undefined) throw error;
    });
    if (unwritable === undefined) await catchUp(context);
  } catch (error) {
    context.host.close();
    context.lock.close();
    await store.close();
    throw explained(error);
  }
  return netkitOf(context);
}

/** The embedded store, and why it can't be written to, if so. */
function openState(root: string, looking: boolean): Pick<Context, "store" | "unwritable"> {
  const path = join(root, "state.db");
  if (looking && isMissing(path)) {
    const unwritable = new NetkitError("STATE_UNWRITABLE", `there is no state in ${root}, and none is to be made`);
    return { store: openSqliteStore({ path, readOnly: true }), unwritable };
  }
  try {
    return { store: openSqliteStore({ path }), unwritable: undefined };
  } catch (cause) {
    if (looking && isNetkitError(cause) && /\bEROFS\b/.test(cause.message) && !isMissing(path)) {
      return { store: openSqliteStore({ path, readOnly: true }), unwritable: cause };
    }
    if (process.geteuid?.() === 0 || !isNetkitError(cause) || !/\b(EACCES|EPERM)\b/.test(cause.message)) throw cause;
    throw new NetkitError("PERMISSION", `the state in ${root} belongs to root`, {
      hint: "Run it with sudo, or choose another --root.",
      details: { root },
      cause,
    });
  }
}

function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    // Whether it is there is root's to know.
    return false;
  }
}

function netkitOf(context: Context): Netkit {
  const { instance, store, drivers } = context;
  const reader = readerOf(store);

  const networks: Networks = explaining({
    create: async (request, options = {}) => {
      checkNetworkRequest(request);
      checkChange(options);
      return await operate(
        context,
        `create network ${request.name}`,
        async (draft) => await createNetwork(context, draft, request),
        options,
      );
    },
    list: async () => byAge((await reader.range<Network>("network/")).map(({ value }) => value)),
    get: async (ref) => await findNetworkHere(context, reader, ref),
    inspect: async (ref) =>
      await consistently(async () => await networkDetails(reader, await findNetworkHere(context, reader, ref))),
    lend: async (ref, request, options = {}) => {
      checkLoanRequest(request);
      checkChange(options);
      return await operate(
        context,
        `lend addresses of ${ref}`,
        async (draft) => await lend(context, draft, await findNetworkHere(context, draft, ref), request),
        options,
      );
    },
    takeBack: async (ref, holder, options = {}) => {
      checkChange(options);
      return await operate(
        context,
        `take back addresses of ${ref}`,
        async (draft) => await takeBack(draft, await findNetworkHere(context, draft, ref), holder),
        options,
      );
    },
    join: async (ref, request, options = {}) => {
      checkJoinRequest(request);
      checkChange(options);
      return await operate(
        context,
        `join network ${ref}`,
        async (draft) => {
          const network = await findNetworkHere(context, draft, ref);
          return await joinNetwork(
            draft,
            network,
            request,
            await addSubnets(context, draft, network, request.subnets ?? []),
          );
        },
        options,
      );
    },
    leave: async (id, options = {}) => {
      checkChange(options);
      return await operate(
        context,
        `leave ${id}`,
        async (draft) => {
          const left = await leaveNetwork(draft, id);
          if (left !== undefined) await dropSubnets(context, draft, left.network, left.join.subnets ?? []);
          return left?.join;
        },
        options,
      );
    },
    rename: async (ref, name, options = {}) => {
      checkChange(options);
      return await operate(
        context,
        `rename network ${ref}`,
        async (draft) => await renameNetwork(context, draft, await findNetworkHere(context, draft, ref), name),
        options,
      );
    },
    remove: async (ref, options = {}) => {
      checkChange(options);
      return await operate(
        context,
        `remove network ${ref}`,
        async (draft) =>
          await removeNetwork(
            context,
            draft,
            await findNetworkHere(context, draft, ref, ({ predefined }) => !predefined),
            options,
          ),
        options,
      );
    },
    prune: async (options = {}) => {
      checkChange(options, { filter: "a function" });
      return await operate(
        context,
        "remove unused networks",
        async (draft) => {
          const removed: Network[] = [];
          for (const { value } of await draft.range<Network>("network/")) {
            if (options.filter?.(value) === false) continue;
            if (value.configOnly !== undefined || value.listed !== undefined) continue;
            const prefixes = [
              keys.attached(value.id, ""),
              ...(value.scope === "global" ? [keys.remote(value.id, "")] : []),
            ];
            const users = await Promise.all(prefixes.map(async (prefix) => await draft.range(prefix, { limit: 1 })));
            const others = [...(await loansOf(draft, value)), ...(await joinsOf(draft, value))];
            const used = users.some(({ length }) => length > 0) || others.length > 0;
            if (!value.predefined && !used) removed.push(await removeNetwork(context, draft, value, options));
          }
          return removed;
        },
        options,
      );
    },
    freeSubnet: async (family, taken = []) => await freeSubnet(context, family, taken),
  });

  const sandboxes: Sandboxes = explaining({
    open: async (request = {}, options = {}) => {
      checkSandboxRequest(request);
      checkChange(options);
      const sandbox = await operateTogether(
        context,
        `open sandbox ${request.name ?? ""}`.trim(),
        async (draft) => {
          const opened = await openSandbox(context, draft, request);
          return { opened, namespace: await namespaceOf(draft, opened.namespace) };
        },
        options,
      );
      return sandboxHandle(context, sandbox.opened, sandbox.namespace);
    },
    join: async (guest, request, options = {}) => {
      checkGuestRequest(guest);
      checkEndpointRequest(request);
      checkChange(options);
      const endpoint = await operateTogether(
        context,
        `connect ${guest.name} to ${request.network}`,
        async (draft) => await joinGuest(context, draft, guest, request),
        options,
      );
      await warnOfLoopback(context, guest, options);
      return endpoint;
    },
    at: async (place) => {
      checkPlace(place);
      return await consistently(async () => {
        const { holder } = await holderAt(context, reader, place);
        return holder && sandboxHandle(context, holder, await namespaceOf(reader, holder.namespace));
      });
    },
    list: async () => await consistently(async () => await everySandbox(reader)),
    get: async (ref) =>
      await consistently(async () => {
        const sandbox = await findSandbox(reader, ref);
        return sandboxHandle(context, sandbox, await namespaceOf(reader, sandbox.namespace));
      }),
    remove: async (ref, options = {}) => {
      checkChange(options, { force: "yes or no" });
      const sandbox = await findSandbox(reader, ref);
      await remove(context, [sandbox], options);
      return sandbox;
    },
    removeAll: async (refs, options = {}) => {
      checkChange(options, { force: "yes or no" });
      return await remove(context, await Promise.all(refs.map(async (ref) => await findSandbox(reader, ref))), options);
    },
  });

  const close = async (): Promise<void> => {
    await context.otherRoots.close(context.lock, store);
    context.host.close();
    context.lock.close();
    await context.shared.close();
    await store.close();
  };

  return explaining({
    instance,
    networks,
    sandboxes,
    driver: async (name) => await drivers.get(name),
    doctor: async (options = {}) => await doctor(context, options),
    examine: async (endpoint) => await examineEndpoint(context, endpoint),
    foreign: async (sandbox) => await findForeign(context, reader, sandbox),
    namesakes: async (sandbox) => await findNamesakes(reader, sandbox),
    overlaps: async () => await overlaps(reader, (await context.host.open()).routes()),
    restoreFirewall: async () => await restoreFirewall(context),
    gc: async (options = {}) => await collect(context, options),
    info: async () => ({
      instance,
      firewall: await firewallOf(context),
      drivers: drivers.names,
      networks: (await reader.range("network/")).length,
      sandboxes: (await reader.range("sandbox/")).length,
      endpoints: (await reader.range("endpoint/")).length,
      kernel: release(),
    }),
    follow: async (onChange) => await follow(store, onChange),
    hosts: async () => await listHosts(context),
    sharing: async () => (context.shared.isOthers ? await context.agent?.sharing?.() : undefined),
    outOfTouch: async () => await outOfTouch(context, reader),
    checkPeers: async (options = {}) => {
      const { checkPeers } = await import("./shared/peer-check.ts");
      return await checkPeers(context, options);
    },
    replicate: async (onError) => {
      if (!context.shared.isOthers) {
        const { forgetOthers } = await import("./shared/alone.ts");
        await forgetOthers(context);
        return undefined;
      }
      const { refuseUnknown } = await import("./shared/this-host.ts");
      await refuseUnknown(context);
      const { forgetOtherStore } = await import("./shared/other-store.ts");
      await forgetOtherStore(context);
      const { Replica } = await import("./shared/replica.ts");
      return await Replica.open(context, onError);
    },
    attend: async (onError) => {
      const { Attendance } = await import("./outside/attendance.ts");
      return new Attendance(context, onError);
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** What programs netfilter; a machine where nothing does can be looked at too. */
async function firewallOf(context: Context): Promise<string> {
  try {
    await chooseFirewall(context);
    return (await context.host.open()).firewall.backend();
  } catch (thrown) {
    const error = explained(thrown);
    if (isNetkitError(error) && error.code === "TOOL_MISSING") return `none: ${error.message}`;
    if (isNetkitError(error) && error.code === "PERMISSION") return "unknown: it takes root to look";
    throw error;
  }
}

/** The predefined networks of the drivers at hand exist from the start; their kernel objects come with their first endpoint. */
async function predefine(context: Context): Promise<void> {
  const { store, drivers, instance } = context;
  for (const name of drivers.names) {
    const marker = `predefined/${name}`;
    if ((await store.get(marker)) !== undefined) continue;
    const driver = await drivers.find(name);
    if (driver === undefined) continue;
    const predefined = driver.predefined?.(instance);
    const writes: { key: string; value: unknown }[] = [{ key: marker, value: predefined?.name ?? "" }];
    const checks = [{ key: marker, revision: 0 }];
    if (predefined !== undefined) {
      const network = declare(
        driver,
        { name: predefined.name, options: predefined.options ?? {} },
        { predefined: true },
      );
      writes.push(
        { key: keys.network(network.id), value: network },
        { key: keys.networkName(network.name), value: network.id },
      );
      checks.push({ key: keys.networkName(network.name), revision: 0 });
    }
    // Another process may define it at the same moment; then theirs stands.
    await store.commit({ checks, writes });
  }
}
