import { familyOf, sameData, type Ip, type Mac, type Resource, type VxlanResource } from "@netkit/core";
import { newLink, type BridgePort } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, linkWords, newSettings, removeLinkCommands } from "../made-link.ts";
import { compare, missing } from "../reading.ts";
import { pair, type Words } from "../shell.ts";
import type { View } from "../view.ts";

/** What the bridge does at the port: without learning, what isn't in the FDB is nowhere. */
function port({ master, learning, neighSuppress, isolated }: VxlanResource): BridgePort | undefined {
  if (master === undefined) return undefined;
  return {
    ...(learning ? {} : { learning: false, flood: false }),
    ...(neighSuppress === undefined ? {} : { neighbourSuppress: neighSuppress }),
    ...(isolated === undefined ? {} : { isolated }),
  };
}

/** The tunnels end at another address of the same family, and all else is as it was: the kernel takes that in place. */
function onlyMoves(resource: VxlanResource, previous: VxlanResource): boolean {
  const { local } = resource;
  if (local === undefined || previous.local === undefined || local === previous.local) return false;
  return familyOf(local) === familyOf(previous.local) && sameData({ ...previous, local }, resource);
}

export const vxlan: Kind<VxlanResource> = {
  create(tx, resource, alias) {
    const { ns, vni, port: udpPort, local, device, master, learning, groupPolicy } = resource;
    const bridgePort = port(resource);
    tx.makeLink(ns, {
      kind: "vxlan",
      ...newSettings(tx, resource),
      vni,
      port: udpPort,
      learning,
      ...(groupPolicy === true ? { groupPolicy } : {}),
      ...(local === undefined ? {} : { local }),
      ...(device === undefined ? {} : { underlay: tx.ifindex(ns, device) }),
      ...(master === undefined ? {} : { master: tx.ifindex(ns, master) }),
    });
    finishLink(tx, resource, alias, bridgePort === undefined ? {} : { bridgePort });
  },
  change(tx, resource, previous, alias) {
    if (!onlyMoves(resource, previous)) return false;
    const { ns, name, vni, local } = resource;
    const link = tx.findOwnLink(ns, name);
    if (link?.kind !== "vxlan" || local === undefined) return false;
    tx.changed((undo) => vxlan.change?.(undo, previous, resource, alias));
    // Without NLM_F_CREATE the kernel changes the settings of the kind, and the tables stay.
    tx.send(ns, { ...newLink({ name, ifindex: link.ifindex, kind: "vxlan", vni, local }), flags: 0 });
    return true;
  },
  read(view, resource) {
    const { ns, name, vni, port: udpPort, local, device, master, learning, groupPolicy } = resource;
    const found = view.link(ns, name);
    if (found === undefined) return missing;
    const info = found.info?.kind === "vxlan" ? found.info : undefined;
    const wanted = port(resource);
    return compare({
      ...linkFields(view.mark, resource, found),
      vni: [vni, info?.vni],
      port: [udpPort, info?.port],
      local: [local, info?.local],
      device: [device, view.linkName(ns, info?.underlay)],
      learning: [learning, info?.learning],
      groupPolicy: [groupPolicy === true, info?.groupPolicy === true],
      master: [master, view.linkName(ns, found.master)],
      neighSuppress: [wanted?.neighbourSuppress, found.bridgePort?.neighbourSuppress],
      isolated: [wanted?.isolated, found.bridgePort?.isolated],
      portLearning: [wanted?.learning, found.bridgePort?.learning],
      portFlood: [wanted?.flood, found.bridgePort?.flood],
    });
  },
  rival(view, { ns, name, vni, port: udpPort }) {
    return [...view.links(ns)].find(
      (link) =>
        link.name !== name && link.info?.kind === "vxlan" && link.info.vni === vni && link.info.port === udpPort,
    );
  },
  createCommands(shell, resource, alias) {
    const { ns, name, vni, port: udpPort, local, device, master, learning } = resource;
    const { neighSuppress, isolated, groupPolicy } = resource;
    const options: Words = [
      ["id", vni, "dstport", udpPort, ...pair("local", local), ...pair("dev", device)],
      learning ? "learning" : "nolearning",
      ...(groupPolicy === true ? ["gbp"] : []),
    ];
    const flags = [
      ...(learning ? [] : ["learning", "off", "flood", "off"]),
      ...(neighSuppress === undefined ? [] : ["neigh_suppress", neighSuppress ? "on" : "off"]),
      ...(isolated === undefined ? [] : ["isolated", isolated ? "on" : "off"]),
    ];
    return [
      shell.ip(ns, "link", "add", "dev", ...linkWords(resource), "type", "vxlan", ...options),
      ...(master === undefined ? [] : [shell.ip(ns, "link", "set", "dev", name, "master", master)]),
      ...(master === undefined || flags.length === 0 ? [] : [shell.bridge(ns, "link", "set", "dev", name, ...flags)]),
      shell.ip(ns, "link", "set", "dev", name, "alias", alias, "up"),
    ];
  },
  changeCommands(shell, resource, previous) {
    const { ns, name, vni, local } = resource;
    if (!onlyMoves(resource, previous)) return undefined;
    return [shell.ip(ns, "link", "set", "dev", name, "type", "vxlan", "id", vni, ...pair("local", local))];
  },
  removeCommands: removeLinkCommands,
  stray: ({ name, info }) => ({
    kind: "vxlan",
    ns: "host",
    name,
    vni: info?.kind === "vxlan" ? info.vni : 0,
    port: (info?.kind === "vxlan" ? info.port : undefined) ?? 4789,
    learning: info?.kind === "vxlan" && info.learning === true,
  }),
  entries: (view, { name, ifindex, master }) => [
    ...view.fdb("host").flatMap(({ ifindex: of, table, state, mac, destination }): Resource[] => {
      if (of !== ifindex) return [];
      const entry = { kind: "fdb", ns: "host", link: name, mac: mac as Mac } as const;
      // What it has learned goes by itself; its own MAC is permanent in the bridge's table.
      if (table === "master") return state === "static" ? [{ ...entry, master: true }] : [];
      return state === "permanent" && destination !== undefined ? [{ ...entry, destination: destination as Ip }] : [];
    }),
    ...neighboursOf(view, master),
  ],
};

/** Those that a bridge was given: it answers with them for whoever is behind the tunnels. */
function neighboursOf(view: View, bridge: number | undefined): Resource[] {
  const link = view.linkName("host", bridge);
  if (link === undefined) return [];
  return view
    .neighbours("host", false)
    .flatMap(({ ifindex, state, address, mac }): Resource[] =>
      ifindex === bridge && state === "permanent" && mac !== undefined
        ? [{ kind: "neighbour", ns: "host", link, address: address as Ip, mac: mac as Mac }]
        : [],
    );
}
