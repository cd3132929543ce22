import type { NamespaceRef } from "@netkit/core";
import {
  findLink,
  listAddresses,
  listFdb,
  listFilters,
  listLinks,
  listNeighbours,
  listQdiscs,
  listRoutes,
  listRules,
  type Link,
  type ListedAddress,
  type ListedFdbEntry,
  type ListedFilter,
  type ListedNeighbour,
  type ListedQdisc,
  type ListedRoute,
  type ListedRule,
  type NetlinkSocket,
} from "@netkit/netlink";
import type { Mark } from "./mark.ts";
import { ifThere, type Namespaces } from "./namespaces.ts";

/** The kernel's tables as they were at the first look: one dump per table and namespace. */
export class View {
  readonly mark: Mark;
  readonly #namespaces: Namespaces;
  readonly #single: boolean;
  readonly #tables = new Map<string, unknown>();

  /** `single`: for one resource, for which reading one link is cheaper than listing all. */
  constructor(namespaces: Namespaces, mark: Mark, single = false) {
    this.#namespaces = namespaces;
    this.mark = mark;
    this.#single = single;
  }

  link(ns: NamespaceRef, name: string): Link | undefined {
    if (this.#single) return this.#read(ns, `link ${name}`, (socket) => findLink(socket, name));
    return this.#links(ns).byName.get(name);
  }

  /** The name of the link with that ifindex. */
  linkName(ns: NamespaceRef, ifindex: number | undefined): string | undefined {
    if (ifindex === undefined) return undefined;
    if (this.#single) return this.#read(ns, `ifindex ${ifindex}`, (socket) => findLink(socket, ifindex)?.name);
    return this.#links(ns).byIndex.get(ifindex)?.name;
  }

  addresses(ns: NamespaceRef): readonly ListedAddress[] {
    return this.#read(ns, "addresses", listAddresses);
  }

  routes(ns: NamespaceRef): readonly ListedRoute[] {
    return this.#read(ns, "routes", listRoutes);
  }

  rules(ns: NamespaceRef): readonly ListedRule[] {
    return this.#read(ns, "rules", listRules);
  }

  neighbours(ns: NamespaceRef, proxy: boolean): readonly ListedNeighbour[] {
    return this.#read(ns, `neighbours ${proxy}`, (socket) => listNeighbours(socket, { proxy }));
  }

  fdb(ns: NamespaceRef): readonly ListedFdbEntry[] {
    return this.#read(ns, "fdb", listFdb);
  }

  qdiscs(ns: NamespaceRef): readonly ListedQdisc[] {
    return this.#read(ns, "qdiscs", listQdiscs);
  }

  /** The filters of what the link with that ifindex receives. */
  filters(ns: NamespaceRef, ifindex: number): readonly ListedFilter[] {
    return this.#read(ns, `filters ${ifindex}`, (socket) => listFilters(socket, { ifindex, direction: "ingress" }));
  }

  within<T>(ns: NamespaceRef, work: () => T): T {
    return this.#namespaces.within(ns, work);
  }

  /** What opens a sandbox's namespace now. */
  path(ns: NamespaceRef): string | undefined {
    return this.#namespaces.path(ns);
  }

  /** False when the namespace is gone, and everything in it with it. */
  exists(ns: NamespaceRef): boolean {
    return this.#remember(`exists ${ns}`, () => ifThere(() => this.#namespaces.fd(ns)) !== undefined);
  }

  #links(ns: NamespaceRef): { byName: Map<string, Link>; byIndex: Map<number, Link> } {
    return this.#read(ns, "links", (socket) => {
      const links = listLinks(socket);
      return {
        byName: new Map(links.map((link) => [link.name, link])),
        byIndex: new Map(links.map((link) => [link.ifindex, link])),
      };
    });
  }

  #read<T>(ns: NamespaceRef, table: string, read: (socket: NetlinkSocket) => T): T {
    return this.#remember(`${ns} ${table}`, () => read(this.#namespaces.socket(ns)));
  }

  #remember<T>(key: string, read: () => T): T {
    if (!this.#tables.has(key)) this.#tables.set(key, read());
    return this.#tables.get(key) as T;
  }
}
