import {
  NetkitError,
  type FactQuery,
  type Facts,
  type HandlerContext,
  type Instance,
  type ResourceHandler,
} from "@netkit/core";
import type { Firewall } from "@netkit/netfilter";
import type { Announcement, Announcer, HostPort, HostPorts, HostRoute } from "@netkit/kernel";
import type { NetlinkSocket } from "@netkit/netlink";
import type { FirewallBackend, Timing } from "./api.ts";

/**
 * The host that an instance works on: the network namespace of the thread that opened it. Everything that touches the
 * kernel is loaded when it is first needed, so that reading the state costs nothing of it.
 */
export class Host {
  /** Paths of the sandboxes' namespaces, by id; kept by whoever plans. */
  readonly namespaces: Map<string, string> = new Map();
  readonly #instance: Instance;
  /** What was asked for. */
  readonly firewall: FirewallBackend;
  readonly #onTiming: ((timing: Timing) => void) | undefined;
  #opened: Opened | undefined;

  constructor(instance: Instance, firewall: FirewallBackend, onTiming: ((timing: Timing) => void) | undefined) {
    this.#instance = instance;
    this.firewall = firewall;
    this.#onTiming = onTiming;
  }

  async open(): Promise<Opened> {
    return (this.#opened ??= await this.#open());
  }

  async #open(): Promise<Opened> {
    const system = await import("./system.ts");
    if (this.#opened !== undefined) return this.#opened;
    const onTiming = this.#onTiming;
    const context: HandlerContext = {
      mark: this.#instance.mark,
      namespacePath: (id) => {
        const path = this.namespaces.get(id);
        if (path === undefined)
          throw new NetkitError("NAMESPACE_NOT_FOUND", `the network namespace ${id.slice(0, 12)} is gone`);
        return path;
      },
      onRequest: onTiming === undefined ? undefined : (what, ms) => onTiming({ what, ms }),
    };
    const socket = system.openNetlink();
    let diag: NetlinkSocket | undefined;
    const announcer = new system.Announcer(socket);
    const firewall = system.firewallHandler(context, { backend: this.firewall });
    const handlers: ResourceHandler[] = [system.kernelHandler(context), firewall];
    return {
      handlers,
      firewall,
      cookie: system.namespaceCookie().toString(),
      facts: (queries) => system.readFacts(socket, queries, context.mark),
      routes: () => system.readHostRoutes(socket),
      idleBridges: () => {
        const links = system.listLinks(socket);
        const used = new Set(links.map(({ master }) => master));
        return links.flatMap(({ kind, ifindex, name }) => (kind === "bridge" && !used.has(ifindex) ? [name] : []));
      },
      firstPortInUse: (ports) =>
        system.firstPortInUse(
          undefined,
          ports,
          () => (diag ??= system.openNetlink({ family: system.NETLINK_SOCK_DIAG })),
        ),
      execute: system.execute,
      echo: system.echo,
      look: (path) => {
        using inside = system.openNetlink({ namespace: path });
        const links = system.listLinks(inside);
        return {
          links: links.map(({ name }) => name),
          reachesItself: links.some(({ name, up }) => name === "lo" && up),
          routes: system.readHostRoutes(inside),
        };
      },
      announce: (namespace, announcement) => system.announce(socket, namespace, announcement),
      announcer,
      namespaceCookie: (path) => system.namespaceCookie(path).toString(),
      close() {
        for (const handler of handlers) handler.close();
        announcer[Symbol.dispose]();
        socket.close();
        diag?.close();
      },
    };
  }

  close(): void {
    this.#opened?.close();
    this.#opened = undefined;
  }
}

export interface Opened {
  /** The one of the handlers that programs netfilter. */
  readonly firewall: Firewall;
  readonly handlers: readonly ResourceHandler[];
  /** SO_NETNS_COOKIE of the host's namespace. */
  readonly cookie: string;
  facts(queries: readonly FactQuery[]): Facts;
  routes(): HostRoute[];
  /** Bridges that nothing is connected to. */
  idleBridges(): string[];
  firstPortInUse(ports: readonly HostPorts[]): HostPort | undefined;
  readonly execute: typeof import("@netkit/kernel").execute;
  readonly echo: typeof import("@netkit/kernel").echo;
  readonly namespaceCookie: (path: string) => string;
  /** Tells a link's neighbours its MAC. @throws NetlinkError */
  announce(namespace: string, announcement: Announcement): void;
  readonly announcer: Announcer;
  /** The links and routes inside a namespace that somebody else set up. */
  look(path: string): {
    readonly links: readonly string[];
    /** Its loopback is up. */
    readonly reachesItself: boolean;
    readonly routes: readonly HostRoute[];
  };
  close(): void;
}
