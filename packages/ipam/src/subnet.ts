import {
  familyOf,
  NetkitError,
  prefixLengthOf,
  subnetOf,
  type Cidr,
  type Family,
  type Ip,
  type Subnet,
  type SubnetRequest,
} from "@netkit/core";
import { bigintToIp, contains, containsSubnet, overlaps } from "./address.ts";
import { assignableSpan, countAssignable, reservationOf } from "./reserved.ts";
import { isDefaultRoute } from "./default-route.ts";

const lacksSubnet = " needs a subnet that it lies in";

export interface SubnetRules {
  /** The families that the driver carries. */
  readonly families: readonly Family[];
  /**
   * The families whose subnets get a gateway address: the one asked for, else the first usable one of the range or of the
   * subnet. The others have one only if it is asked for.
   */
  readonly gateways: readonly Family[];
  /** The auxiliary addresses that each subnet has: the next usable ones where they aren't asked for. */
  readonly auxiliary?: readonly string[];
}

/** Blocks whose addresses never leave a host or a link, or are no host's, so that no network can be made of them. */
const unroutable: readonly (readonly [Cidr, string])[] = [
  ["0.0.0.0/8" as Cidr, 'addresses of "this network"'],
  ["127.0.0.0/8" as Cidr, "loopback addresses"],
  ["169.254.0.0/16" as Cidr, "link-local addresses"],
  ["224.0.0.0/4" as Cidr, "multicast addresses"],
  ["240.0.0.0/4" as Cidr, "reserved addresses"],
  ["::ffff:0:0/96" as Cidr, "IPv4-mapped addresses"],
  ["fe80::/10" as Cidr, "link-local addresses"],
  ["ff00::/8" as Cidr, "multicast addresses"],
];

/**
 * The subnets of a network, checked and complete.
 * @throws NetkitError SUBNET_INVALID with every problem, one by one in `details.problems`
 */
export function planSubnets(requests: readonly SubnetRequest[], rules: SubnetRules): Subnet[] {
  const problems: string[] = [];
  const planned: Subnet[] = [];
  for (const request of requests) {
    const { subnet } = request;
    if (subnet === undefined) {
      problems.push(...partsOf(request).map((part) => part + lacksSubnet));
      continue;
    }
    const found = [...subnetProblems(subnet, rules), ...partProblems(request, subnetOf(subnet))];
    const other = planned.find((earlier) => overlaps(earlier.subnet, subnet));
    if (other !== undefined) found.push(`${subnet} overlaps ${other.subnet} of the same network`);
    planned.push(found.length === 0 ? complete(request, subnet, rules, found) : { subnet, auxiliary: {} });
    problems.push(...found);
  }
  if (problems.length > 0) throw invalid(problems);
  return planned;
}

/** What was asked for in a subnet that wasn't given. */
function partsOf({ gateway, range, auxiliary = {} }: SubnetRequest): string[] {
  return [
    ...(gateway === undefined ? [] : [`gateway ${gateway}`]),
    ...(range === undefined ? [] : [`range ${range}`]),
    ...Object.entries(auxiliary).map(([name, address]) => `auxiliary address '${name}' (${address})`),
  ];
}

function* subnetProblems(subnet: Cidr, rules: SubnetRules): Generator<string> {
  const family = familyOf(subnet);
  const length = prefixLengthOf(subnet);
  if (!rules.families.includes(family)) yield `${subnet} is ${familyName(family)}, which the driver doesn't carry`;
  yield* hostBits(subnet);
  if (isDefaultRoute(subnet)) {
    yield `${subnet} is a default route, not a subnet`;
    return;
  }
  for (const [block, what] of unroutable) {
    if (overlaps(block, subnet)) yield `${subnet} holds ${what} (${block}), which no network can use`;
  }
  const bits = family === "ipv4" ? 32 : 128;
  if (length === bits) yield `${subnet} is a single address: a network needs a /${bits - 2} or larger`;
  if (length === bits - 1 && rules.gateways.includes(family)) {
    yield `${subnet} is a point-to-point pair without room for a gateway: use a /${bits - 2} or larger`;
  }
}

function* hostBits(cidr: Cidr): Generator<string> {
  const correct = subnetOf(cidr);
  if (correct !== cidr) yield `${cidr} has host bits set: it should be ${correct}`;
}

function* partProblems({ gateway, range, auxiliary = {} }: SubnetRequest, subnet: Cidr): Generator<string> {
  if (range !== undefined) yield* rangeProblems(range, subnet);
  if (gateway !== undefined) yield* addressProblems("gateway", gateway, subnet);
  const names = new Map<Ip, string>();
  for (const [name, address] of Object.entries(auxiliary)) {
    const what = `auxiliary address '${name}'`;
    yield* addressProblems(what, address, subnet);
    if (address === gateway) yield `${what} is the gateway ${gateway}`;
    const earlier = names.get(address);
    if (earlier !== undefined) yield `${what} is ${address}, as is '${earlier}'`;
    names.set(address, name);
  }
}

function* rangeProblems(range: Cidr, subnet: Cidr): Generator<string> {
  const family = familyOf(subnet);
  if (familyOf(range) !== family) {
    yield `range ${range} is ${familyName(familyOf(range))}, its subnet ${subnet} is ${familyName(family)}`;
    return;
  }
  yield* hostBits(range);
  if (prefixLengthOf(range) < prefixLengthOf(subnet)) yield `range ${range} is larger than its subnet ${subnet}`;
  else if (!containsSubnet(subnet, range)) yield `range ${range} lies outside its subnet ${subnet}`;
}

function* addressProblems(what: string, address: Ip, subnet: Cidr): Generator<string> {
  if (familyOf(address) !== familyOf(subnet)) {
    const [its, wanted] = [familyName(familyOf(address)), familyName(familyOf(subnet))];
    yield `${what} ${address} is ${its}, its subnet ${subnet} is ${wanted}`;
  } else if (!contains(subnet, address)) {
    yield `${what} ${address} lies outside its subnet ${subnet}`;
  } else {
    const reserved = reservationOf({ subnet, auxiliary: {} }, address);
    if (reserved !== undefined) yield `${what} ${address} is ${reserved}`;
  }
}

function complete(request: SubnetRequest, subnet: Cidr, rules: SubnetRules, problems: string[]): Subnet {
  const { gateway, range, auxiliary = {} } = request;
  const asked: Subnet = {
    subnet,
    ...(gateway === undefined ? {} : { gateway }),
    ...(range === undefined ? {} : { range }),
    auxiliary,
  };
  const chosen = gateway === undefined && rules.gateways.includes(familyOf(subnet)) ? firstAssignable(asked) : gateway;
  let plan: Subnet = chosen === undefined ? asked : { ...asked, gateway: chosen };
  for (const name of rules.auxiliary ?? []) {
    const address = Object.hasOwn(auxiliary, name) ? undefined : firstAssignable(plan);
    if (address !== undefined) plan = { ...plan, auxiliary: { ...plan.auxiliary, [name]: address } };
  }
  if (countAssignable(plan) === 0n) {
    problems.push(`${range === undefined ? subnet : `range ${range}`} leaves no address for a sandbox`);
  }
  return plan;
}

function firstAssignable(plan: Subnet): Ip | undefined {
  const { family, first, last } = assignableSpan(plan);
  for (let value = first; value <= last; value++) {
    const address = bigintToIp(value, family);
    if (reservationOf(plan, address) === undefined) return address;
  }
  return undefined;
}

function familyName(family: Family): string {
  return family === "ipv4" ? "IPv4" : "IPv6";
}

function invalid(problems: readonly string[]): NetkitError {
  return new NetkitError("SUBNET_INVALID", problems.join("; "), {
    hint: problems.some((problem) => problem.endsWith(lacksSubnet))
      ? "Give the subnet as well: --subnet CIDR."
      : "Correct the subnet and what lies in it; without --subnet netkit chooses one.",
    details: { problems },
  });
}
