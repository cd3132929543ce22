import {
  familyOf,
  NetkitError,
  shortId,
  type AnyDriver,
  type Family,
  type Network,
  type Subnet,
  type SubnetRequest,
} from "@netkit/core";
import {
  choosePool,
  defaultIpv4Pools,
  findOverlap,
  globalIpv4Pools,
  planSubnets,
  uniqueLocalPool,
  type NamedSubnet,
  type SubnetRules,
} from "@netkit/ipam";
import type { Draft } from "./draft.ts";
import { hostNameServers } from "./host-name-servers.ts";
import { everyJoin } from "./network-joins.ts";
import type { Context } from "./operation.ts";
import { viewOf } from "./view.ts";

/** The subnets that were asked for, and a free one for each family without. */
export async function chooseSubnets(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  requests: readonly SubnetRequest[],
  ipv4: boolean,
  ownLinks: readonly string[],
  elsewhere: readonly Pick<Network, "name" | "subnets">[] = [],
): Promise<readonly Subnet[]> {
  const { traits } = driver;
  if (traits.addresses === "none") {
    if (requests.length > 0) throw new NetkitError("UNSUPPORTED", `driver '${driver.name}' has no subnets`);
    return [];
  }
  const rules = subnetRules(context, driver, network);
  const asked = planSubnets(requests, rules);
  const families = wantedFamilies(driver, network, ipv4);
  const missing = families.filter((family) => !asked.some(({ subnet }) => familyOf(subnet) === family));

  const others = [...(await draft.range<Network>("network/")).map(({ value }) => value), ...elsewhere];
  const present = await whatIsThere(context, draft, others, ownLinks);
  const { taken, routes } = present;
  await refuseOverlap(context, asked, present, "Choose another subnet, or leave it out to get a free one.");
  // Each host has local networks: those that all share come from elsewhere.
  const ipv4Pools = driver.scope === "global" ? globalIpv4Pools : defaultIpv4Pools;
  const nameServers = missing.length > 0 ? hostNameServers() : [];
  const chosen: SubnetRequest[] = missing.map((family) => ({
    subnet: choosePool({
      pools: family === "ipv4" ? ipv4Pools : [uniqueLocalPool(context.instance.root + network.id)],
      taken: [...taken.map(({ cidr }) => cidr), ...asked.map(({ subnet }) => subnet)],
      // Behind a network of ours nobody would reach them any more.
      routes: [...routes.map(({ cidr }) => cidr), ...nameServers],
    }),
  }));
  return [...asked, ...planSubnets(chosen, rules)];
}

/** Subnets that a network which is there is to have as well. @throws NetkitError SUBNET_INVALID, SUBNET_OVERLAP */
export async function furtherSubnets(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  requests: readonly SubnetRequest[],
): Promise<readonly Subnet[]> {
  const asked = planSubnets(requests, subnetRules(context, driver, network));
  const all = (await draft.range<Network>("network/")).map(({ value }) => value);
  await refuseOverlap(context, asked, await whatIsThere(context, draft, all, []), "Choose another subnet.");
  return asked;
}

interface Present {
  readonly taken: readonly NamedSubnet[];
  readonly routes: readonly (NamedSubnet & { readonly link: string })[];
}

/** What a network's subnets must not overlap: those of others, and what the host reaches by other links than its own. */
async function whatIsThere(
  context: Context,
  draft: Draft,
  others: readonly Pick<Network, "name" | "subnets">[],
  ownLinks: readonly string[],
): Promise<Present> {
  const routes = (await context.host.open()).routes().filter(({ link }) => !ownLinks.includes(link));
  const joins = await everyJoin(draft);
  return {
    taken: [
      ...others.flatMap(({ name, subnets }) =>
        subnets.map(({ subnet }) => ({ cidr: subnet, name: `network '${name}'` })),
      ),
      ...joins.flatMap(({ join: { id, engine, pools = [] } }) =>
        pools.map((pool) => ({ cidr: pool, name: `the pool of ${engine}'s network ${shortId(id)}` })),
      ),
    ],
    routes: routes.map(({ destination, link }) => ({
      cidr: destination,
      name: `the host's route ${destination}${link === "" ? "" : ` on ${link}`}`,
      link,
    })),
  };
}

async function refuseOverlap(
  context: Context,
  subnets: readonly Subnet[],
  { taken, routes }: Present,
  hint: string,
): Promise<void> {
  for (const { subnet } of subnets) {
    const overlap = findOverlap(subnet, taken) ?? findOverlap(subnet, routes);
    if (overlap === undefined) continue;
    const link = routes.find(({ name }) => name === overlap)?.link ?? "";
    const isIdle = (await context.host.open()).idleBridges().includes(link);
    throw new NetkitError("SUBNET_OVERLAP", `subnet ${subnet} overlaps ${overlap}`, {
      hint: isIdle
        ? `${hint} Nothing is connected to that bridge: unless it is needed, ip link delete dev ${link}`
        : hint,
      details: { subnet, overlaps: overlap },
    });
  }
}

/** Whether a network that was made on another host can be on this one. @throws NetkitError SUBNET_OVERLAP */
export async function refuseOverlapHere(
  context: Context,
  draft: Draft,
  { id, name, subnets }: Network,
  ownLinks: readonly string[],
): Promise<void> {
  const others = (await draft.range<Network>("network/")).flatMap(({ value }) => (value.id === id ? [] : value));
  const hint = `On this host, network '${name}' can't be used as long as that is there.`;
  await refuseOverlap(context, subnets, await whatIsThere(context, draft, others, ownLinks), hint);
}

/** Without a network, its options being wrong, each family has gateways: most do. */
export function subnetRules(
  { instance }: Pick<Context, "instance">,
  driver: AnyDriver,
  network: Network | undefined,
): SubnetRules {
  const { families } = driver.traits;
  const view = network === undefined ? undefined : viewOf(instance, network);
  const gateways = view === undefined ? undefined : driver.gateways?.(view);
  const auxiliary = view === undefined ? undefined : driver.auxiliary?.(view);
  return { families, gateways: gateways ?? families, auxiliary: auxiliary ?? [] };
}

function wantedFamilies(driver: AnyDriver, network: Network, ipv4: boolean): Family[] {
  const wanted: Family[] = [...(ipv4 ? ["ipv4" as const] : []), ...(network.ipv6 ? ["ipv6" as const] : [])];
  for (const family of wanted) {
    if (driver.traits.families.includes(family)) continue;
    throw new NetkitError(
      "UNSUPPORTED",
      `driver '${driver.name}' doesn't carry ${family === "ipv4" ? "IPv4" : "IPv6"}`,
    );
  }
  return wanted;
}
