import type { DummyResource, IfbResource, NamespaceRef } from "@netkit/core";
import { setLink, type IpvlanKind, type Link, type LinkChange, type MacvlanKind, type VlanKind } from "@netkit/netlink";
import type { Kind } from "./kind.ts";
import { isOurs, type Mark } from "./mark.ts";
import { compare, missing, type Fields } from "./reading.ts";
import { pair, type Shell, type Word } from "./shell.ts";
import type { Transaction } from "./transaction.ts";

/** What all kinds of links that netkit makes have in common. */
interface MadeLink {
  readonly kind: string;
  readonly ns: NamespaceRef;
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
}

/** What every request for a new link holds: it is made down, and marked as ours from its first moment. */
export function newSettings(tx: Transaction, link: Pick<MadeLink, "name" | "mac" | "mtu">): NewSettings {
  return { name: link.name, group: tx.mark.group, ...settings(link) };
}

interface NewSettings extends Settings {
  readonly name: string;
  readonly group: number;
}

interface Settings {
  readonly mac?: string;
  readonly mtu?: number;
}

/** MAC and MTU, where they are given. */
export function settings({ mac, mtu }: { readonly mac?: string; readonly mtu?: number }): Settings {
  return { ...(mac === undefined ? {} : { mac }), ...(mtu === undefined ? {} : { mtu }) };
}

interface LinkOnParent extends MadeLink {
  /** A link of the host. */
  readonly parent: string;
}

/** Queues the making of a link on another one: the request goes to the host's namespace, where that is, the link is made in its own. */
export function makeOnParent(tx: Transaction, link: LinkOnParent, kind: MacvlanKind | IpvlanKind | VlanKind): void {
  const { ns, parent } = link;
  tx.makeLink("host", {
    ...newSettings(tx, link),
    ...kind,
    parent: tx.ifindex("host", parent),
    ...(ns === "host" ? {} : { namespace: tx.fd(ns) }),
  });
}

/** The command of {@link makeOnParent}, with the words that are the kind's. */
export function makeOnParentCommand(shell: Shell, link: LinkOnParent, ...words: readonly Word[]): string {
  const { ns, parent, kind } = link;
  return shell.ip(
    "host",
    ["link", "add", "link", parent, "dev", ...linkWords(link), ...shell.netns("host", ns)],
    ["type", kind, ...words],
  );
}

/** Queues the second half of making a link: what the kernel takes only once it exists. Then it is up. */
export function finishLink(tx: Transaction, link: MadeLink, alias: string, change: LinkChange = {}): void {
  tx.send(link.ns, setLink(tx.ifindex(link.ns, link.name), { ...change, alias, group: 0, up: true }));
}

/** The fields that all links share. */
export function linkFields(mark: Mark, wanted: MadeLink, found: Link): Fields {
  return {
    kind: [wanted.kind, found.kind],
    mac: [wanted.mac, found.mac],
    mtu: [wanted.mtu, found.mtu],
    up: [true, found.up],
    alias: isOurs(mark, found) ? [undefined, undefined] : [`${mark.word}/...`, found.alias],
  };
}

/** `NAME address MAC mtu MTU`, as `ip link add dev` takes them; without `dev` it takes a name such as `br` for `broadcast`. */
export function linkWords({ name, mac, mtu }: Pick<MadeLink, "name" | "mac" | "mtu">): Word[] {
  return [name, ...pair("address", mac), ...pair("mtu", mtu)];
}

export function removeLinkCommands(shell: Shell, { ns, name }: MadeLink): string[] {
  return [shell.ip(ns, "link", "delete", "dev", name)];
}

/** A kind of link that has no settings of its own. */
export function plainLink<R extends DummyResource | IfbResource>(kind: R["kind"]): Kind<R> {
  return {
    create(tx, resource, alias) {
      tx.makeLink(resource.ns, { kind, ...newSettings(tx, resource) });
      finishLink(tx, resource, alias);
    },
    read(view, resource) {
      const found = view.link(resource.ns, resource.name);
      return found === undefined ? missing : compare(linkFields(view.mark, resource, found));
    },
    createCommands: (shell, resource, alias) => [
      shell.ip(resource.ns, "link", "add", "dev", ...linkWords(resource), "type", kind),
      shell.ip(resource.ns, "link", "set", "dev", resource.name, "alias", alias, "up"),
    ],
    removeCommands: removeLinkCommands,
    stray: ({ name }) => ({ kind, ns: "host", name }) as R,
  };
}
