import type { FactQuery, NetworkView } from "./driver.ts";
import { NetkitError } from "./errors.ts";
import { kernelName } from "./instance.ts";
import { refuseSmallMtu } from "./mtu.ts";
import { nearest } from "./nearest.ts";
import type { ParentOptions } from "./parent-option.ts";
import type { Resource } from "./resource.ts";

type View = NetworkView<ParentOptions>;
type Unplanned = Omit<View, "claims" | "subnets">;

/** A host of many sandboxes has many links. */
const mostNames = 20;

/** What a driver asks to know of a network's parent. */
export function parentFacts({ options: { parent } }: Pick<View, "options">): FactQuery[] {
  return parent === undefined ? [] : [{ fact: "link", name: parent }, { fact: "links" }];
}

/** The name of the link that the network's interfaces lie on. */
export function parentName({ instance, id, options }: Pick<View, "instance" | "id" | "options">): string {
  return options.parent ?? kernelName("m", instance, id);
}

/**
 * For {@link Driver.check}.
 * @param unfit kinds of links that can't be the parent
 * @throws NetkitError LINK_NOT_FOUND, UNSUPPORTED, OPTION_INVALID where the link that is named can't be the parent
 */
export function refuseUnfitParent(view: Unplanned, unfit: readonly string[]): void {
  const { name, facts, options } = view;
  const { parent, mtu } = options;
  if (parent === undefined) return;
  const found = facts.links[parent];
  if (found === undefined) {
    refuseMissing(view, parent);
    return;
  }
  // The kernel would put the new one beside it, on the same link.
  if (unfit.includes(found.kind)) {
    throw new NetkitError(
      "UNSUPPORTED",
      `network '${name}' can't lie on link '${parent}': it is ${/^[aeiou]/.test(found.kind) ? "an" : "a"} ${found.kind} itself`,
      {
        hint: `Name the link that ${parent} lies on: 'ip link show ${parent}' has it behind the '@'.`,
        details: { link: found },
      },
    );
  }
  if (mtu !== undefined && mtu > found.mtu) {
    throw new NetkitError(
      "OPTION_INVALID",
      `network '${name}' can't have an MTU of ${mtu}: its parent '${parent}' has ${found.mtu}`,
      {
        hint: `Set -o mtu=${found.mtu} or less, or leave it out.`,
        details: { mtu, link: found },
      },
    );
  }
}

/**
 * The link that the network's interfaces lie on: somebody else's, a VLAN, or a wire of the network's own.
 * @throws NetkitError OPTION_INVALID for what makes no sense there
 */
export function parentResources(view: View): Resource[] {
  const { parent, mtu } = view.options;
  refuseSmallMtu(view, mtu);
  const name = parentName(view);
  const noIpv6: Resource = { kind: "sysctl", ns: "host", path: `net/ipv6/conf/${name}/disable_ipv6`, value: "1" };
  if (parent === undefined) {
    refuseGateway(view);
    // An ifb drops what it is given to send, so that the interfaces on it reach each other and not the host. A bridge without
    // ports would do that, too, but has no carrier once its MAC is set.
    return [{ kind: "ifb", ns: "host", name, ...(mtu === undefined ? {} : { mtu }) }, noIpv6];
  }
  const vlan = vlanToMake(view, parent);
  if (vlan === undefined) return [{ kind: "link", ns: "host", ensure: "exists", name }];
  return [
    { kind: "link", ns: "host", ensure: "exists", name: vlan.link },
    { kind: "vlan", ns: "host", name, parent: vlan.link, id: vlan.id },
    // The host isn't on the VLAN, and takes no address that somebody offers there.
    noIpv6,
  ];
}

interface Vlan {
  readonly link: string;
  readonly id: number;
}

/** `eth0.50` by its parts, whether there is such a VLAN (0 and 4095 are none, IEEE 802.1Q) or not. */
function vlanOf(parent: string): Vlan | undefined {
  const [, link, id] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  return link === undefined ? undefined : { link, id: Number(id) };
}

function isVlanId(id: number): boolean {
  return id >= 1 && id <= 4094;
}

/** The parent as a VLAN that netkit makes: one that isn't there, or is there because another network asked for it. */
function vlanToMake({ facts }: View, parent: string): Vlan | undefined {
  const found = facts.links[parent];
  if (found !== undefined && !(found.kind === "vlan" && found.ours === true)) return undefined;
  const vlan = vlanOf(parent);
  return vlan !== undefined && isVlanId(vlan.id) ? vlan : undefined;
}

/** @throws NetkitError unless it is a VLAN on a link that is there */
function refuseMissing({ name, facts: { names = [] } }: Unplanned, parent: string): void {
  const vlan = vlanOf(parent);
  const details = { parent, links: names };
  if (vlan !== undefined && names.includes(vlan.link)) {
    if (isVlanId(vlan.id)) return;
    throw new NetkitError("OPTION_INVALID", `network '${name}': '${parent}' is no VLAN of '${vlan.link}'`, {
      hint: "A VLAN's number is 1 to 4094.",
      details,
    });
  }
  const [wanted, use] =
    vlan === undefined ? [parent, "to be its parent"] : [vlan.link, `to make the VLAN '${parent}' on`];
  const shown = names.length > mostNames ? [...names.slice(0, mostNames), "..."] : names;
  const list = shown.length === 0 ? "This host has no links." : `This host has the links ${shown.join(", ")}.`;
  const near = nearest(wanted, names);
  throw new NetkitError("LINK_NOT_FOUND", `network '${name}': there is no link '${wanted}' ${use}`, {
    hint: near === undefined ? list : `Did you mean '${near}'? ${list}`,
    details,
  });
}

/** A gateway where nothing leads to it. */
function refuseGateway({ name, internal, subnets }: View): void {
  const gateway = subnets.find((subnet) => subnet.gateway !== undefined)?.gateway;
  if (internal || gateway === undefined) return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${name}' has the gateway ${gateway}, but no parent that leads there`,
    {
      hint: "Name the link of the host (-o parent=LINK), or leave out the gateway.",
      details: { gateway },
    },
  );
}
