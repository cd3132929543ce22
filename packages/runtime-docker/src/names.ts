import { setTimeout } from "node:timers/promises";
import { backoffMs } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import type { Containers } from "./containers.ts";
import { DockerApi, type NetworkName } from "./docker-api.ts";
import { noteDaemon, removeForgotten } from "./forgotten-networks.ts";
import { nameNetworks } from "./network-names.ts";

/**
 * Calls networks, and the sandboxes of containers, what Docker calls those, tells which run, and removes networks that Docker has forgotten: the
 * protocol of plugins carries none of it, Docker's API does. Where that can't be had they keep the names that they have.
 */
export class Names implements AsyncDisposable {
  readonly #api: DockerApi;
  readonly #netkit: Netkit;
  readonly #containers: Containers;
  /** Whether dockerd is the end of its containers when it ends. */
  #endsContainers = false;
  /** Which dockerd it is, once that is known. */
  #daemon: string | undefined;
  readonly #ending = new AbortController();
  readonly #ended: Promise<void>;

  constructor(socket: string, netkit: Netkit, containers: Containers) {
    this.#netkit = netkit;
    this.#api = new DockerApi(socket);
    this.#containers = containers;
    this.#ended = this.#follow();
  }

  /** Docker may be started anew, or not be there yet. */
  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.#api.follow(
          {
            onOpen: () => {
              failures = 0;
              void this.#all();
            },
            onContainer: (id) => void this.#learn(id),
            onNetwork: (network) => void this.#name([network]),
          },
          signal,
        );
      } catch {
        // Whether it is there is no matter of ours.
      }
      this.#containers.forget();
      await setTimeout(backoffMs(Math.max(failures, 1)), undefined, { signal }).catch(() => {});
    }
  }

  async #all(): Promise<void> {
    this.#containers.forget();
    await this.#containers.forgetGone().catch(() => {});
    const daemon = await this.#api.daemon().catch(() => undefined);
    this.#endsContainers = daemon?.outlived === false;
    this.#daemon = daemon?.id;
    const networks = await this.#api.networks().catch(() => undefined);
    if (networks !== undefined) await this.#name(networks);
    if (networks !== undefined && daemon !== undefined)
      await removeForgotten(this.#netkit, daemon.id, networks).catch(() => {});
    const all = await this.#api.containers().catch(() => []);
    for (const { id } of all) await this.#learn(id);
  }

  async #name(networks: readonly NetworkName[]): Promise<void> {
    try {
      await nameNetworks(this.#netkit, networks);
      if (this.#daemon !== undefined) await noteDaemon(this.#netkit, this.#daemon, networks);
    } catch {
      // They keep the names that they have.
    }
  }

  /** What goes wrong with one is told again with its next event. */
  async #learn(id: string): Promise<void> {
    try {
      const names = await this.#api.container(id);
      // A dockerd that finds a live container takes interfaces without a source for each other's (libnetwork, restoreOslSandbox).
      this.#containers.note(id, this.#endsContainers ? names?.sandboxKey : undefined);
      if (names === undefined || names.endpoints.size === 0) return;
      await this.#containers.rename(names, id.slice(0, 12));
    } catch {
      // It keeps the names that it has.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#ended;
  }
}
