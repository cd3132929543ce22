import { guardGroup, type VethResource } from "@netkit/core";
import {
  delFdbEntry,
  replaceFdbEntry,
  setLink,
  type BridgePort,
  type FdbEntry,
  type Link,
  type LinkChange,
} from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, linkWords, newSettings, removeLinkCommands, settings } from "../made-link.ts";
import { compare, missing, type Fields } from "../reading.ts";
import { pair, type Shell, type Word } from "../shell.ts";
import { GONE, type Transaction } from "../transaction.ts";
import type { View } from "../view.ts";

function port({ hairpin, isolated, guarded }: VethResource): BridgePort | undefined {
  if (hairpin === undefined && isolated === undefined && guarded !== true) return undefined;
  return {
    ...(hairpin === undefined ? {} : { hairpin }),
    ...(isolated === undefined ? {} : { isolated }),
    ...(guarded === true ? { locked: true, learning: false } : {}),
  };
}

function portChange(resource: VethResource): LinkChange {
  const bridgePort = port(resource);
  return { ...groupOf(resource), ...(bridgePort === undefined ? {} : { bridgePort }) };
}

/** The link group of a guarded port. */
function groupOf({ guarded, master }: VethResource): { readonly group?: number } {
  return guarded === true && master !== undefined ? { group: guardGroup(master) } : {};
}

/** The bridge's entry of the one MAC that a guarded port may have. Sticky: no other port's frames move it there. */
function ownEntry({ guarded, peer: { mac } }: VethResource, ifindex: number): FdbEntry | undefined {
  if (guarded !== true || mac === undefined) return undefined;
  return { ifindex, mac, table: "master", state: "static", sticky: true };
}

/** How both ends find their neighbours: what isn't wanted any more goes back to what a new link has. */
function arp({ pointToPoint }: VethResource): { readonly arp: boolean } {
  return { arp: pointToPoint !== true };
}

/**
 * What the outer end has of its own, within the request that sets it up and at no cost of a sysctl's: its peer isn't up yet, and an address of
 * its own would come with the carrier.
 */
function outer({ pointToPoint }: VethResource): Pick<LinkChange, "addressGeneration" | "routeLocalnet"> {
  return pointToPoint === true ? { addressGeneration: "none", routeLocalnet: true } : {};
}

/** Its carrier comes with the peer, and a bridge's with its first port's. */
function carries(tx: Transaction, { ns, name, master }: VethResource): void {
  tx.carries(ns, tx.ifindex(ns, name));
  if (master !== undefined) tx.carries(ns, tx.ifindex(ns, master));
}

export const veth: Kind<VethResource> = {
  create(tx, resource, alias) {
    const { ns, peer, master } = resource;
    const namespace = peer.ns === ns ? {} : { namespace: tx.fd(peer.ns) };
    tx.makeLink(
      ns,
      {
        kind: "veth",
        ...newSettings(tx, resource),
        ...arp(resource),
        ...(master === undefined ? {} : { master: tx.ifindex(ns, master) }),
        peer: { name: peer.name, ...settings(peer), ...arp(resource), ...namespace },
      },
      peer,
    );
    // The port's flags come before it is up: an isolated port is never anything else.
    finishLink(tx, resource, alias, { ...portChange(resource), ...outer(resource) });
    const entry = ownEntry(resource, tx.ifindex(ns, resource.name));
    if (entry !== undefined) tx.send(ns, replaceFdbEntry(entry));
    // Who takes it over sets it up where it belongs: up here, it would have a link-local address of the host's.
    if (resource.handedOver !== true) {
      tx.send(peer.ns, setLink(tx.ifindex(peer.ns, peer.name), { up: true }));
      carries(tx, resource);
    }
  },

  change(tx, resource, previous, alias) {
    const { ns, name, peer, master } = resource;
    if (peer.ns !== previous.peer.ns || peer.name !== previous.peer.name) return false;
    const link = tx.findOwnLink(ns, name);
    const peerIndex = tx.findIfindex(peer.ns, peer.name);
    if (link?.kind !== "veth" || (peerIndex === undefined && resource.handedOver !== true)) return false;
    tx.changed((undo) => veth.change?.(undo, previous, resource, alias));
    const wanted = master === undefined ? 0 : tx.ifindex(ns, master);
    if ((link.master ?? 0) !== wanted) tx.send(ns, setLink(link.ifindex, { master: wanted }));
    // What isn't wanted any more goes back to what a new port has.
    const unset = { hairpin: false, isolated: false, locked: false, learning: true };
    const bridgePort = { ...(master === undefined ? {} : unset), ...port(resource) };
    const own = { ...settings(resource), ...arp(resource), ...outer(resource), ...groupOf(resource) };
    finishLink(tx, resource, alias, { ...own, ...(master === undefined ? {} : { bridgePort }) });
    const [old, entry] = [ownEntry(previous, link.ifindex), ownEntry(resource, link.ifindex)];
    if (old !== undefined && old.mac !== entry?.mac) tx.send(ns, delFdbEntry(old), { ignore: GONE });
    if (entry !== undefined) tx.send(ns, replaceFdbEntry(entry));
    if (resource.handedOver !== true && resource.tunable !== true && peerIndex !== undefined) {
      tx.send(peer.ns, setLink(peerIndex, { ...settings(peer), ...arp(resource), up: true }));
      carries(tx, resource);
    }
    return true;
  },

  read(view, resource) {
    const { ns, name, master, hairpin, isolated, guarded } = resource;
    const found = view.link(ns, name);
    if (found === undefined) return missing;
    return compare({
      ...linkFields(view.mark, resource, found),
      master: [master, view.linkName(ns, found.master)],
      hairpin: [hairpin, found.bridgePort?.hairpin],
      isolated: [isolated, found.bridgePort?.isolated],
      arp: [arp(resource).arp, found.arp],
      addressGeneration: [outer(resource).addressGeneration, found.addressGeneration],
      routeLocalnet: [outer(resource).routeLocalnet, found.routeLocalnet],
      ...(guarded === true ? guardFields(view, resource, found) : {}),
      ...(resource.handedOver === true || found.kind !== "veth" ? {} : peerFields(view, resource, found)),
    });
  },

  createCommands(shell, resource, alias) {
    const { ns, name, peer, master } = resource;
    return [
      shell.ip(
        ns,
        ["link", "add", "dev", ...linkWords(resource), "type", "veth"],
        ["peer", "name", ...linkWords(peer), ...shell.netns(ns, peer.ns)],
      ),
      ...(master === undefined ? [] : [shell.ip(ns, "link", "set", "dev", name, "master", master)]),
      ...portCommands(shell, resource),
      ...(resource.pointToPoint === true ? pointToPointCommands(shell, resource) : []),
      shell.ip(ns, "link", "set", "dev", name, "alias", alias, ...groupWords(resource), "up"),
      ...entryCommands(shell, resource),
      ...(resource.handedOver === true ? [] : [shell.ip(peer.ns, "link", "set", "dev", peer.name, "up")]),
    ];
  },
  changeCommands(shell, resource, previous, alias) {
    const { ns, name, peer, master } = resource;
    if (peer.ns !== previous.peer.ns || peer.name !== previous.peer.name) return undefined;
    const [, ...words] = linkWords(resource);
    const [, ...peerWords] = linkWords(peer);
    return [
      shell.ip(ns, "link", "set", "dev", name, ...(master === undefined ? ["nomaster"] : ["master", master])),
      ...portCommands(
        shell,
        master === undefined ? resource : { hairpin: false, isolated: false, ...resource },
        previous,
      ),
      ...(resource.pointToPoint === true ? pointToPointCommands(shell, resource) : []),
      shell.ip(ns, "link", "set", "dev", name, ...words, "alias", alias, ...groupWords(resource, previous), "up"),
      ...entryCommands(shell, resource, previous),
      ...(resource.handedOver === true ? [] : [shell.ip(peer.ns, "link", "set", "dev", peer.name, ...peerWords, "up")]),
    ];
  },
  removeCommands: removeLinkCommands,
  // Removing takes one end alone, so the other one may be anywhere.
  stray: ({ name }) => ({ kind: "veth", ns: "host", name, peer: { ns: "host", name: "" }, handedOver: true }),
};

/** What holds a port to its MAC. */
function guardFields(view: View, resource: VethResource, found: Link): Fields {
  const { ns, master } = resource;
  const entry = ownEntry(resource, found.ifindex);
  const bridge = view.linkName(ns, found.master);
  const isThere = view.fdbOf(ns, found.ifindex).some((one) => {
    const isIt = one.table === "master" && one.mac === entry?.mac;
    return isIt && one.state === entry?.state && one.sticky === true;
  });
  return {
    locked: [true, found.bridgePort?.locked],
    learning: [false, found.bridgePort?.learning],
    group: [groupOf(resource).group, found.group],
    // Without its bridge it can't have one, which is said already.
    ...(bridge === master ? { "forwarding entry": [entry?.mac, isThere ? entry?.mac : undefined] } : {}),
  };
}

/** The peer: there, up, and really this link's other end. */
function peerFields(view: View, resource: VethResource, found: Link): Fields {
  const { peer } = resource;
  const other = view.exists(peer.ns) ? view.link(peer.ns, peer.name) : undefined;
  return {
    peer: [peer.name, other !== undefined && other.ifindex === found.parent ? other.name : undefined],
    ...(other === undefined
      ? {}
      : {
          "peer.mac": [peer.mac, other.mac],
          "peer.mtu": [peer.mtu, other.mtu],
          "peer.arp": [arp(resource).arp, other.arp],
          "peer.up": [true, other.up],
        }),
  };
}

function portCommands(shell: Shell, resource: VethResource, previous?: VethResource): string[] {
  const { ns, name, hairpin, isolated } = resource;
  const lock = lockChange(resource, previous);
  const flags = [
    ...pair("hairpin", onOff(hairpin)),
    ...pair("isolated", onOff(isolated)),
    ...pair("locked", onOff(lock)),
    ...pair("learning", onOff(lock === undefined ? undefined : !lock)),
  ];
  return flags.length === 0 ? [] : [shell.bridge(ns, "link", "set", "dev", name, ...flags)];
}

function pointToPointCommands(shell: Shell, { ns, name, peer }: VethResource): string[] {
  return [
    shell.ip(ns, "link", "set", "dev", name, "arp", "off", "addrgenmode", "none"),
    shell.run(ns, "sysctl", "-q", "-w", `net/ipv4/conf/${name}/route_localnet=1`),
    shell.ip(peer.ns, "link", "set", "dev", peer.name, "arp", "off"),
  ];
}

/** Whether the port is locked from now on; undefined where nothing is to be said of it. */
function lockChange({ guarded }: VethResource, previous?: VethResource): boolean | undefined {
  if (guarded === true) return true;
  return previous?.guarded === true ? false : undefined;
}

function groupWords(resource: VethResource, previous?: VethResource): Word[] {
  const lock = lockChange(resource, previous);
  return lock === undefined ? [] : ["group", lock ? groupOf(resource).group : 0];
}

function entryCommands(shell: Shell, resource: VethResource, previous?: VethResource): string[] {
  const { ns, name } = resource;
  const command = (verb: string, { peer: { mac } }: VethResource, ...words: readonly Word[]): string[] =>
    mac === undefined ? [] : [shell.bridge(ns, "fdb", verb, mac, "dev", name, "master", ...words)];
  const isOld = previous?.guarded === true && (resource.guarded !== true || previous.peer.mac !== resource.peer.mac);
  return [
    ...(isOld ? command("delete", previous) : []),
    ...(resource.guarded === true ? command("replace", resource, "static", "sticky") : []),
  ];
}

function onOff(on: boolean | undefined): "on" | "off" | undefined {
  if (on === undefined) return undefined;
  return on ? "on" : "off";
}
