import { basename } from "node:path";
import { isAnotherEngines, isNetkitError, NetkitError, shortId, type Endpoint, type PortSpec } from "@netkit/core";
import type { EndpointRequest, Netkit, SandboxDetails, SandboxHandle } from "@netkit/engine";
import type { ContainerNames } from "./docker-api.ts";
import { isNameTrouble, isSame, namesOf } from "./container-names.ts";

/** Says in a sandbox's labels which of Docker's it is: the path of its namespace. */
const sandboxLabel = "com.docker.sandbox.key";

/** An endpoint of Docker's, and the sandbox that stands for its container. */
interface Found {
  readonly sandbox: SandboxHandle;
  readonly endpoint: Endpoint;
  /** How many endpoints the sandbox has. */
  readonly count: number;
}

/**
 * Docker's containers as sandboxes: each is there from its first endpoint to its last. What netkit holds is all that counts, so that
 * another process knows as much; this one remembers where it has found an endpoint.
 */
export class Containers {
  readonly #netkit: Netkit;
  /** Ids of sandboxes by those of endpoints. */
  readonly #remembered = new Map<string, string>();
  /** Paths of the namespaces of containers that run, by Docker's ids of these. */
  readonly #running = new Map<string, string>();
  /** The first and the last endpoint of a container make and remove its sandbox: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(netkit: Netkit) {
    this.#netkit = netkit;
  }

  /** @param key where its namespace is; undefined: it doesn't run */
  note(container: string, key: string | undefined): void {
    if (key === undefined) this.#running.delete(container);
    else this.#running.set(container, key);
  }

  /** Nothing is known of which run any more. */
  forget(): void {
    this.#running.clear();
  }

  /** Whether the container with that namespace is known to have started; one that hasn't may have a namespace, too. */
  isRunning(key: string): boolean {
    return [...this.#running.values()].includes(key);
  }

  async find(id: string): Promise<Found | undefined> {
    const remembered = this.#remembered.get(id);
    const sandbox = remembered === undefined ? await this.#search(id) : await this.#get(remembered);
    if (sandbox === undefined) return undefined;
    const { endpoints } = await sandbox.inspect();
    const endpoint = endpoints.find((each) => each.id === id);
    return endpoint === undefined ? undefined : { sandbox, endpoint, count: endpoints.length };
  }

  /** Takes away what is left of containers that ended while nobody was told: it holds their addresses and ports. */
  async forgetGone(known?: readonly SandboxDetails[]): Promise<void> {
    const all = known ?? (await this.#netkit.sandboxes.list());
    if (all.some(({ labels, state }) => labels[sandboxLabel] !== undefined && state === "gone"))
      await this.#netkit.gc();
  }

  /** @param key the path of the container's namespace, which may not be there yet; the sandbox is named after it */
  async join(key: string, request: EndpointRequest): Promise<Endpoint> {
    return await this.#inTurn(async () => {
      const all = await this.#netkit.sandboxes.list();
      // By the path of its namespace: it may have another name by now.
      const known = all.find(({ labels }) => labels[sandboxLabel] === key);
      if (known === undefined) await this.forgetGone(all);
      const there = known && (await this.#get(known.id));
      const name = `docker-${basename(key)}`;
      const sandbox =
        there ??
        (await this.#netkit.sandboxes.open({
          name,
          netns: key,
          awaited: true,
          labels: { [sandboxLabel]: key },
          networks: [request],
        }));
      if (there !== undefined) await there.connect(request);
      const { endpoints } = await sandbox.inspect();
      const endpoint = endpoints.find(({ id }) => id === request.id);
      if (endpoint === undefined) throw new NetkitError("ENDPOINT_NOT_FOUND", `sandbox '${name}' has left meanwhile`);
      this.#remembered.set(endpoint.id, sandbox.id);
      return endpoint;
    });
  }

  /** Has the sandbox called what its container is; one that has no endpoint here is none of netkit's. */
  async rename(names: ContainerNames, shortId: string): Promise<void> {
    await this.#inTurn(async () => {
      for (const id of names.endpoints.keys()) {
        const found = await this.find(id);
        if (found === undefined) continue;
        const { sandbox } = found;
        const before = await sandbox.inspect();
        const wanted = namesOf(names, shortId, before.endpoints);
        if (isSame(before, wanted)) return;
        try {
          await sandbox.rename(wanted);
        } catch (error) {
          if (!isNameTrouble(error)) throw error;
          // Somebody else has the name; on its networks it is called so, too.
          const { name: _, ...others } = wanted;
          await sandbox.rename(others);
        }
        return;
      }
    });
  }

  /** Nothing happens where it isn't there. */
  async leave(id: string): Promise<void> {
    await this.#inTurn(async () => {
      const found = await this.find(id);
      this.#remembered.delete(id);
      if (found === undefined) return;
      const { sandbox, endpoint, count } = found;
      if (count === 1) await this.#netkit.sandboxes.remove(sandbox.id, { force: true });
      else await sandbox.disconnect(endpoint.network);
    });
  }

  /** Has the endpoint publish these ports and no others. */
  async publish(id: string, ports: readonly PortSpec[]): Promise<void> {
    await this.#inTurn(async () => {
      const found = await this.find(id);
      if (found === undefined && ports.length === 0) return;
      if (found === undefined) {
        throw new NetkitError("ENDPOINT_NOT_FOUND", `netkit has no endpoint ${shortId(id)} to publish ports of`);
      }
      const { sandbox, endpoint } = found;
      if (endpoint.ports.length > 0) await sandbox.unpublish(endpoint.network, endpoint.ports);
      if (ports.length > 0) await sandbox.publish(endpoint.network, ports);
    });
  }

  async #search(id: string): Promise<SandboxHandle | undefined> {
    for (const sandbox of await this.#netkit.sandboxes.list()) {
      for (const endpoint of sandbox.endpoints)
        if (isAnotherEngines(endpoint)) this.#remembered.set(endpoint.id, sandbox.id);
    }
    const found = this.#remembered.get(id);
    return found === undefined ? undefined : await this.#get(found);
  }

  async #get(ref: string): Promise<SandboxHandle | undefined> {
    try {
      return await this.#netkit.sandboxes.get(ref);
    } catch (error) {
      if (isNetkitError(error) && error.code === "SANDBOX_NOT_FOUND") return undefined;
      throw error;
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work);
    this.#turn = next.catch(() => {});
    return await next;
  }
}
