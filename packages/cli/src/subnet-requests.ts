import { familyOf, NetkitError, parseCidr, parseIp, type Cidr, type Ip, type SubnetRequest } from "@netkit/core";
import { contains, containsSubnet } from "@netkit/ipam";
import { optionValue } from "./option-value.ts";
import { parsePairs } from "./pairs.ts";

/** What `network create` was given, in the order of the command line. */
export interface SubnetOptions {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly "ip-range": readonly string[];
  readonly "aux-address": readonly string[];
}

type Draft = { subnet?: Cidr; gateway?: Ip; range?: Cidr; auxiliary?: Record<string, Ip> };

/**
 * Gateways, ranges and auxiliary addresses with the subnets that they lie in, as `docker network create` matches them.
 * What lies in none goes to the only subnet, or stands alone: whether it fits is for the engine to say, all at once.
 * @throws NetkitError ADDRESS_INVALID; SUBNET_INVALID for a second gateway or range of one subnet
 */
export function subnetRequests(options: SubnetOptions): SubnetRequest[] {
  const drafts: Draft[] = options.subnet.map((text) => ({ subnet: optionValue("--subnet", text, parseCidr) }));
  const alone: Draft[] = [];
  const draftOf = (inside: (subnet: Cidr) => boolean): Draft => {
    const found = drafts.find(({ subnet }) => subnet !== undefined && inside(subnet));
    if (found !== undefined) return found;
    if (drafts.length === 1 && drafts[0] !== undefined) return drafts[0];
    const draft: Draft = {};
    alone.push(draft);
    return draft;
  };
  const problems: string[] = [];
  for (const text of options.gateway) {
    const gateway = optionValue("--gateway", text, parseIp);
    const draft = draftOf((subnet) => contains(subnet, gateway));
    if (draft.gateway !== undefined) problems.push(`${draft.subnet} has two gateways, ${draft.gateway} and ${gateway}`);
    draft.gateway = gateway;
  }
  for (const text of options["ip-range"]) {
    const range = optionValue("--ip-range", text, parseCidr);
    const draft = draftOf((subnet) => containsSubnet(subnet, range));
    if (draft.range !== undefined) problems.push(`${draft.subnet} has two ranges, ${draft.range} and ${range}`);
    draft.range = range;
  }
  for (const [name, text] of Object.entries(parsePairs("--aux-address", options["aux-address"]))) {
    const address = optionValue("--aux-address", text, parseIp);
    const draft = draftOf((subnet) => contains(subnet, address));
    draft.auxiliary = { ...draft.auxiliary, [name]: address };
  }
  if (problems.length > 0) {
    throw new NetkitError("SUBNET_INVALID", problems.join("; "), {
      hint: "Give at most one --gateway and one --ip-range for each --subnet.",
      details: { problems },
    });
  }
  return [...drafts, ...alone];
}

/** @throws NetkitError ARGUMENT_INVALID for a subnet of a family that was turned off */
export function refuseFamilies(
  subnets: readonly SubnetRequest[],
  { ipv4, ipv6 }: { readonly ipv4: boolean; readonly ipv6: boolean | undefined },
): void {
  for (const { subnet } of subnets) {
    if (subnet === undefined || (familyOf(subnet) === "ipv4" ? ipv4 : ipv6) !== false) continue;
    throw new NetkitError("ARGUMENT_INVALID", `--${familyOf(subnet)}=false contradicts --subnet ${subnet}`, {
      hint: "Leave out one of them.",
      details: { subnet },
    });
  }
}
