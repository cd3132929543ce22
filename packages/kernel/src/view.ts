import type { Family, NamespaceRef } from "@netkit/core";
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
import type { OwnProc } from "./own-proc.ts";

const versions = { ipv4: 4, ipv6: 6 } as const;

/** The kernel's tables as they were at the first look: one dump per table and namespace. */
export class View {
  readonly mark: Mark;
  readonly #namespaces: Namespaces;
  readonly #proc: OwnProc | undefined;
  readonly #tables = new Map<NamespaceRef, Map<string, unknown>>();

  /** Without `proc` it is for one resource, for which reading one link is cheaper than listing all. */
  constructor(namespaces: Namespaces, mark: Mark, proc?: OwnProc) {
    this.#namespaces = namespaces;
    this.mark = mark;
    this.#proc = proc;
  }

  link(ns: NamespaceRef, name: string): Link | undefined {
    if (this.#proc === undefined) return this.#read(ns, `link ${name}`, (socket) => findLink(socket, name));
    return this.#links(ns).byName.get(name);
  }

  links(ns: NamespaceRef): Iterable<Link> {
    return this.#links(ns).byIndex.values();
  }

  /** The name of the link with that ifindex. */
  linkName(ns: NamespaceRef, ifindex: number | undefined): string | undefined {
    if (ifindex === undefined) return undefined;
    if (this.#proc === undefined)
      return this.#read(ns, `ifindex ${ifindex}`, (socket) => findLink(socket, ifindex)?.name);
    return this.#links(ns).byIndex.get(ifindex)?.name;
  }

  addresses(ns: NamespaceRef, family: Family): readonly ListedAddress[] {
    return this.#read(ns, `${family} addresses`, (socket) => listAddresses(socket, { version: versions[family] }));
  }

  routes(ns: NamespaceRef, family: Family, table: number): readonly ListedRoute[] {
    const filter = { version: versions[family], table };
    return this.#read(ns, `${family} routes of ${table}`, (socket) => listRoutes(socket, filter));
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

  /** The entries of a link: looked for one after the other, those of all links would take long for each of many. */
  fdbOf(ns: NamespaceRef, ifindex: number): readonly ListedFdbEntry[] {
    return (
      this.#remember(ns, "fdb by link", () => Map.groupBy(this.fdb(ns), (entry) => entry.ifindex)).get(ifindex) ?? []
    );
  }

  qdiscs(ns: NamespaceRef): readonly ListedQdisc[] {
    return this.#read(ns, "qdiscs", listQdiscs);
  }

  /** The filters of what the link with that ifindex receives. */
  filters(ns: NamespaceRef, ifindex: number): readonly ListedFilter[] {
    return this.#read(ns, `filters ${ifindex}`, (socket) => listFilters(socket, { ifindex, direction: "ingress" }));
  }

  /** Where procfs is for one look at a namespace's /proc/sys. */
  proc(): string {
    return this.#proc?.path() ?? "/proc";
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
    return this.#remember(ns, "exists", () => ifThere(() => this.#namespaces.fd(ns)) !== undefined);
  }

  /** Reads all that `work` asks for of a namespace while the thread is there, and keeps none of it for later. */
  visit(ns: NamespaceRef, work: () => void): void {
    if (ns === "host") return work();
    if (this.exists(ns)) this.#namespaces.visit(ns, work);
    else work();
    this.#tables.delete(ns);
  }

  #links(ns: NamespaceRef): { byName: Map<string, Link>; byIndex: Map<number, Link> } {
    return this.#read(ns, "links", (socket) => {
      const links = listLinks(socket, { stats: false });
      return {
        byName: new Map(links.map((link) => [link.name, link])),
        byIndex: new Map(links.map((link) => [link.ifindex, link])),
      };
    });
  }

  #read<T>(ns: NamespaceRef, table: string, read: (socket: NetlinkSocket) => T): T {
    return this.#remember(ns, table, () => read(this.#namespaces.socket(ns)));
  }

  #remember<T>(ns: NamespaceRef, table: string, read: () => T): T {
    let tables = this.#tables.get(ns);
    if (tables === undefined) this.#tables.set(ns, (tables = new Map()));
    if (!tables.has(table)) tables.set(table, read());
    return tables.get(table) as T;
  }
}
