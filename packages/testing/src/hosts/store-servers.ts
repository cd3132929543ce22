import { consulProgram, consulServer } from "../servers/consul.ts";
import { etcdPrograms, etcdServer } from "../servers/etcd.ts";
import type { Server } from "../servers/server.ts";
import type { Host } from "./host.ts";

export type StoreKind = "etcd" | "etcd of three" | "consul";

/** Those that tests on this machine can have; other machines have all. */
export const localStores: readonly StoreKind[] = [
  ...(etcdPrograms === undefined ? [] : (["etcd", "etcd of three"] as const)),
  ...(consulProgram === undefined ? [] : (["consul"] as const)),
];

const ports: Readonly<Record<StoreKind, readonly number[]>> = {
  etcd: [2379],
  // Each has the port after its own for the others.
  "etcd of three": [2379, 2381, 2383],
  consul: [8500],
};

/** The servers of a store that hosts share, on a host of the segment. */
export class StoreServers implements AsyncDisposable {
  readonly host: Host;
  readonly kind: StoreKind;
  /** What `netkit agent --store` takes. */
  readonly url: string;
  readonly #servers: readonly Server[];
  readonly #endpoints: readonly string[];

  private constructor(host: Host, kind: StoreKind, servers: readonly Server[]) {
    this.host = host;
    this.kind = kind;
    this.#servers = servers;
    this.#endpoints = ports[kind].map((port) => `${host.address}:${port}`);
    this.url = `${kind === "consul" ? "consul" : "etcd"}://${this.#endpoints.join()}`;
  }

  /** Resolves when they serve. */
  static async open(host: Host, kind: StoreKind): Promise<StoreServers> {
    await using stack = new AsyncDisposableStack();
    const servers: Server[] = [];
    for (const port of ports[kind]) {
      // In memory: it is not disks that are tested.
      const directory = (await host.exec("mktemp -d -p /run/netkit".split(" "))).trim();
      const [options, place] = [
        { address: host.address, port, cluster: ports[kind] },
        { machine: host.machine, directory },
      ];
      servers.push(stack.use(kind === "consul" ? consulServer(options, place) : etcdServer(options, place)));
    }
    const opened = new StoreServers(host, kind, servers);
    await opened.start();
    stack.move();
    return opened;
  }

  /** Those that don't run; resolves when they serve. */
  async start(): Promise<void> {
    await Promise.all(this.#servers.map(async (server) => await server.start()));
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    await Promise.all(this.#servers.map(async (server) => await server.stop(signal)));
  }

  /** They have lost all that they stored, and know nothing of what was. */
  async wipe(): Promise<void> {
    await this.stop();
    await Promise.all(this.#servers.map(async (server) => await server.wipe()));
    await this.start();
  }

  /** What `etcdctl` prints. */
  async etcdctl(...words: readonly string[]): Promise<string> {
    const endpoints = `--endpoints=${this.#endpoints.join()}`;
    return await this.host.exec(["env", "ETCDCTL_API=3", "etcdctl", endpoints, ...words]);
  }

  /** The member of etcd that leads, which nothing has been asked of since it is known. */
  async leader(): Promise<Server> {
    const status = JSON.parse(await this.etcdctl("endpoint", "status", "-w", "json")) as readonly {
      readonly Endpoint: string;
      readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
    }[];
    const found = status.find(({ Status: { leader, header } }) => leader === header.member_id);
    const server = this.#servers[this.#endpoints.indexOf(found?.Endpoint ?? "")];
    if (server === undefined) throw new Error(`etcd has no leader: ${JSON.stringify(status)}`);
    return server;
  }

  /** etcd forgets its history up to now: who has watched it until before gets no more of it. */
  async compact(): Promise<void> {
    const [first] = JSON.parse(await this.etcdctl("endpoint", "status", "-w", "json")) as readonly {
      readonly Status: { readonly header: { readonly revision: number } };
    }[];
    await this.etcdctl("compact", "--physical", String(first?.Status.header.revision));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }
}
