import { digest32, type DummyResource, type IfbResource, type NamespaceRef } from "@netkit/core";
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
  const { ns, name, parent } = link;
  const isInHost = ns === "host";
  const isTaken = !isInHost && tx.findIfindex("host", name) !== undefined && tx.findIfindex(ns, name) === undefined;
  const made = isTaken ? nameOnTheWay(link) : name;
  tx.makeLink("host", {
    ...newSettings(tx, { ...link, name: made }),
    ...kind,
    parent: tx.ifindex("host", parent),
    ...(isInHost ? {} : { namespace: tx.fd(ns) }),
  });
  if (made !== name) tx.send(ns, setLink(tx.ifindex(ns, made), { name }));
}

/**
 * What a link for another namespace is called as long as it is made: before Linux 6.15 a name mustn't be one of the
 * namespace that the request is made in, whose `eth0` is the most common of all.
 */
function nameOnTheWay({ ns, name }: LinkOnParent): string {
  return `nkt${digest32(`${ns} ${name}`).toString(16)}`;
}

/** The commands of {@link makeOnParent}, with the words that are the kind's. */
export function makeOnParentCommands(shell: Shell, link: LinkOnParent, ...words: readonly Word[]): string[] {
  const { ns, name, parent, kind } = link;
  const made = ns === "host" ? name : nameOnTheWay(link);
  return [
    shell.ip(
      "host",
      ["link", "add", "link", parent, "dev", ...linkWords({ ...link, name: made }), ...shell.netns("host", ns)],
      ["type", kind, ...words],
    ),
    ...(made === name ? [] : [shell.ip(ns, "link", "set", "dev", made, "name", name)]),
  ];
}

/** Queues the second half of making a link: what the kernel takes only once it exists. Then it is up. */
export function finishLink(tx: Transaction, link: MadeLink, alias: string, change: LinkChange = {}): void {
  tx.send(link.ns, setLink(tx.ifindex(link.ns, link.name), { group: 0, ...change, alias, up: true }));
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
