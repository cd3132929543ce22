import {
  familyOf,
  kernelName,
  NetkitError,
  prefixLengthOf,
  type Cidr,
  type Family,
  type LinkFacts,
  type Mac,
  type NetworkView,
  type Resource,
  type SysctlResource,
} from "@netkit/core";
import { accessOf, hasAddresses, isTranslated, modeOf, refuseContradictions } from "./gateway-mode.ts";
import type { BridgeOptions } from "./options.ts";

type View = NetworkView<BridgeOptions>;

/** The name of the network's bridge. */
export function bridgeName({ instance, id, options }: View): string {
  return options.name ?? kernelName("b", instance, id);
}

/** The MTU of everything on the network; undefined leaves the kernel's default. */
export function mtuOf(view: View): number | undefined {
  return view.options.mtu ?? adoptedBridge(view)?.mtu ?? view.facts.uplink?.mtu;
}

function hasFamily({ subnets }: View, family: Family): boolean {
  return subnets.some(({ subnet }) => familyOf(subnet) === family);
}

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  const { internal, subnets, options } = view;
  const name = bridgeName(view);
  const adopted = adoptedBridge(view);
  const mtu = mtuOf(view);
  refuseContradictions(view);
  refuseSmallMtu(view, mtu);
  const own = { mac: macOf(view.id), ...(mtu === undefined ? {} : { mtu }) };
  return [
    { kind: "bridge", ns: "host", name, ...(adopted === undefined ? own : { ensure: "exists" }) },
    ...subnets.flatMap(({ subnet, gateway }): Resource[] => {
      if (gateway === undefined || !hasAddresses(view, familyOf(subnet))) return [];
      const address = `${gateway}/${prefixLengthOf(subnet)}` as Cidr;
      const there = adopted?.addresses.includes(address) === true;
      return [{ kind: "address", ns: "host", link: name, address, ...(there ? { ensure: "exists" } : {}) }];
    }),
    ...sysctls(view, name, adopted !== undefined),
    { kind: "isolation", ns: "host", link: name, icc: options.icc, internal, ...accessOf(view) },
    ...(options.masquerade && !internal ? subnets : []).flatMap(({ subnet }): Resource[] => {
      const family = familyOf(subnet);
      if (!isTranslated(view, family)) return [];
      const source = options[`snat-${family}`];
      return [{ kind: "masquerade", ns: "host", link: name, subnet, ...(source === undefined ? {} : { source }) }];
    }),
  ];
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

function sysctls(view: View, bridge: string, adopted: boolean): SysctlResource[] {
  const [ipv4, ipv6] = [hasFamily(view, "ipv4"), hasFamily(view, "ipv6")];
  const forwarding = [
    ...(ipv4 ? [sysctl("net/ipv4/ip_forward", "1")] : []),
    ...(ipv6 ? [sysctl("net/ipv6/conf/all/forwarding", "1")] : []),
    // Connections of the host to a published port of 127.0.0.1 leave through the bridge.
    ...(ipv4 ? [sysctl(`net/ipv4/conf/${bridge}/route_localnet`, "1")] : []),
  ];
  const on = ipv6 && modeOf(view, "ipv6") !== "isolated";
  const closed = [
    // Said both ways: where the host turns it off for all links, a network that has it needs it on its own.
    sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, on ? "0" : "1"),
    // The host must never take a router advertisement from a sandbox (CVE-2020-13401 was that).
    ...(on ? ["accept_ra", "accept_dad"].map((name) => sysctl(`net/ipv6/conf/${bridge}/${name}`, "0")) : []),
  ];
  return [...(view.internal ? [] : forwarding), ...(adopted ? [] : closed)];
}

function sysctl(path: string, value: string): SysctlResource {
  return { kind: "sysctl", ns: "host", path, value };
}

/** Below the least MTU of IPv6 (RFC 8200, section 5) the kernel drops IPv6 from a link without a word. */
function refuseSmallMtu(view: View, mtu: number | undefined): void {
  if (mtu === undefined || mtu >= 1280 || !hasFamily(view, "ipv6")) return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${view.name}' has IPv6, which needs an MTU of 1280 at least, not ${mtu}`,
    {
      hint: "Set -o mtu=1280 or more, or leave out IPv6.",
      details: { mtu },
    },
  );
}

/** Locally administered, in a range of its own beside those of endpoints. */
function macOf(id: string): Mac {
  return `02:6b:${id.slice(0, 8).replaceAll(/(..)(?=.)/g, "$1:")}` as Mac;
}
