import { digest32, type BridgeResource, type Mac } from "@netkit/core";
import { newLink, setLink, type BridgeKind } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, linkWords, newSettings, removeLinkCommands, settings } from "../made-link.ts";
import type { Mark } from "../mark.ts";
import { compare, missing } from "../reading.ts";

/**
 * Ports forward from the start, and multicast goes to all ports: with snooping but no querier in the network, groups
 * would be cut off after some minutes.
 */
const plain: BridgeKind = { kind: "bridge", stp: false, forwardDelayCs: 0, multicastSnooping: false };

/** A bridge without a MAC of its own takes the lowest of its ports', which changes under its neighbours' feet. */
function pinned(mark: Mark, resource: BridgeResource): BridgeResource & { readonly mac: Mac } {
  const digest = digest32(`${mark.word} ${resource.ns} ${resource.name}`).toString(16).padStart(8, "0");
  const mac = `02:6a${digest.replace(/../g, ":$&")}` as Mac;
  return { ...resource, mac: resource.mac ?? mac };
}

export const bridge: Kind<BridgeResource> = {
  create(tx, resource, alias) {
    const { ns, name, noLinkLocal } = resource;
    const { mtu, ...link } = pinned(tx.mark, resource);
    tx.makeLink(ns, { ...newSettings(tx, link), ...plain });
    // Within one request the kernel would set the link up first, and the address would be there already.
    if (noLinkLocal === true) tx.send(ns, setLink(tx.ifindex(ns, name), { addressGeneration: "none" }));
    // The MTU of a new bridge follows its ports'; one that is set later stays (br_change_mtu, net/bridge/br_device.c).
    finishLink(tx, resource, alias, mtu === undefined ? {} : { mtu });
  },
  change(tx, resource, previous, alias) {
    const link = tx.findOwnLink(resource.ns, resource.name);
    if (link?.kind !== "bridge") return false;
    tx.changed((undo) => bridge.change?.(undo, previous, resource, alias));
    tx.send(
      resource.ns,
      setLink(link.ifindex, { addressGeneration: resource.noLinkLocal === true ? "none" : "eui64" }),
    );
    // Without NLM_F_CREATE the kernel changes the settings of the kind.
    tx.send(resource.ns, { ...newLink({ name: resource.name, ifindex: link.ifindex, ...plain }), flags: 0 });
    finishLink(tx, resource, alias, settings(pinned(tx.mark, resource)));
    return true;
  },
  read(view, resource) {
    const found = view.link(resource.ns, resource.name);
    if (found === undefined) return missing;
    const info = found.info?.kind === "bridge" ? found.info : undefined;
    return compare({
      ...linkFields(view.mark, pinned(view.mark, resource), found),
      stp: [plain.stp, info?.stp],
      forwardDelay: [plain.forwardDelayCs, info?.forwardDelayCs],
      multicastSnooping: [plain.multicastSnooping, info?.multicastSnooping],
      noLinkLocal: [resource.noLinkLocal, found.addressGeneration === "none"],
    });
  },
  createCommands(shell, resource, alias) {
    const { ns, name, noLinkLocal } = resource;
    const options = ["stp_state", 0, "forward_delay", 0, "mcast_snooping", 0];
    const { mtu, ...link } = pinned(shell.mark, resource);
    return [
      shell.ip(ns, "link", "add", "dev", ...linkWords(link), "type", "bridge", ...options),
      ...(mtu === undefined ? [] : [shell.ip(ns, "link", "set", "dev", name, "mtu", mtu)]),
      ...(noLinkLocal === true ? [shell.ip(ns, "link", "set", "dev", name, "addrgenmode", "none")] : []),
      shell.ip(ns, "link", "set", "dev", name, "alias", alias, "up"),
    ];
  },
  changeCommands(shell, resource, _, alias) {
    const { ns, name, noLinkLocal } = resource;
    const [, ...words] = linkWords(pinned(shell.mark, resource));
    return [
      shell.ip(ns, "link", "set", "dev", name, "addrgenmode", noLinkLocal === true ? "none" : "eui64"),
      shell.ip(ns, "link", "set", "dev", name, ...words, "alias", alias, "up"),
    ];
  },
  removeCommands: removeLinkCommands,
  stray: ({ name }) => ({ kind: "bridge", ns: "host", name }),
};
