import {
  familyOf,
  kernelName,
  NetkitError,
  prefixLengthOf,
  refuseSmallMtu,
  type Cidr,
  type LinkFacts,
  type NetworkView,
  type Resource,
} from "@netkit/core";
import { bridgeMac, bridgeSysctls, type Area } from "@netkit/core/bridged";
import { accessOf, hasAddresses, isTranslated, modeOf, refuseContradictions } from "./gateway-mode.ts";
import type { BridgeOptions } from "./options.ts";

type View = NetworkView<BridgeOptions>;

/** What holds for the sandboxes on the network's bridge. */
export function areaOf(view: View): Area {
  return {
    link: bridgeName(view),
    mtu: mtuOf(view),
    icc: view.options.icc,
    guarded: isGuarded(view),
    modes: { ipv4: modeOf(view, "ipv4"), ipv6: modeOf(view, "ipv6") },
    trusting: view.options["trusted-host-interfaces"] !== undefined,
  };
}

/** Not on somebody else's bridge, nor where sandboxes choose their addresses themselves. */
function isGuarded({ options, subnets }: View): boolean {
  return options["spoof-check"] && !options.unmanaged && subnets.length > 0;
}

function bridgeName({ instance, id, options }: View): string {
  return options.name ?? kernelName("b", instance, id);
}

/** The MTU of everything on the network; undefined leaves the kernel's default. */
function mtuOf(view: View): number | undefined {
  return view.options.mtu ?? adoptedBridge(view)?.mtu ?? view.facts.uplink?.mtu;
}

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  const { internal, subnets, options } = view;
  const name = bridgeName(view);
  const adopted = adoptedBridge(view);
  const mtu = mtuOf(view);
  refuseContradictions(view);
  refuseSmallMtu(view, mtu);
  if (options.unmanaged) return [{ kind: "bridge", ns: "host", name: theirBridge(view, adopted), ensure: "exists" }];
  const own = { mac: bridgeMac(view.id), ...(mtu === undefined ? {} : { mtu }) };
  return [
    { kind: "bridge", ns: "host", name, ...(adopted === undefined ? own : { ensure: "exists" }) },
    ...subnets.flatMap(({ subnet, gateway }): Resource[] => {
      if (gateway === undefined || !hasAddresses(view, familyOf(subnet))) return [];
      const address = `${gateway}/${prefixLengthOf(subnet)}` as Cidr;
      const there = adopted?.addresses.includes(address) === true;
      return [{ kind: "address", ns: "host", link: name, address, ...(there ? { ensure: "exists" } : {}) }];
    }),
    ...bridgeSysctls(view, name, { adopted: adopted !== undefined, ipv6: modeOf(view, "ipv6") !== "isolated" }),
    { kind: "isolation", ns: "host", link: name, icc: options.icc, internal, ...accessOf(view) },
    ...(isGuarded(view) ? [{ kind: "guard", ns: "host", link: name } as const] : []),
    ...(options.masquerade && !internal ? subnets : []).flatMap(({ subnet }): Resource[] => {
      const family = familyOf(subnet);
      if (!isTranslated(view, family)) return [];
      const source = options[`snat-${family}`];
      return [{ kind: "masquerade", ns: "host", link: name, subnet, ...(source === undefined ? {} : { source }) }];
    }),
  ];
}

/** @throws NetkitError LINK_NOT_FOUND */
function theirBridge({ name, options }: View, adopted: LinkFacts | undefined): string {
  if (adopted !== undefined) return adopted.name;
  throw new NetkitError("LINK_NOT_FOUND", `network '${name}': there is no bridge '${options.name}'`, {
    hint: "With unmanaged=true somebody else makes it: ip link add NAME type bridge",
    details: { bridge: options.name },
  });
}

/** The bridge of that name that was there before the network. */
function adoptedBridge({ name, facts, options }: View): LinkFacts | undefined {
  const found = options.name === undefined ? undefined : facts.links[options.name];
  if (found === undefined || found.kind === "bridge") return found;
  const kind = found.kind === "" ? "a physical link" : `of kind ${found.kind}`;
  throw new NetkitError("UNSUPPORTED", `network '${name}' can't use link ${found.name}: it is ${kind}, not a bridge`, {
    hint: "Name an existing bridge, or one that doesn't exist yet.",
    details: { link: found },
  });
}
