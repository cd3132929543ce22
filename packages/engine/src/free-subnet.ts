import { NetkitError, type Cidr, type Family } from "@netkit/core";
import { Draft } from "./draft.ts";
import { declare } from "./networks.ts";
import type { Context } from "./operation.ts";
import { chooseSubnets } from "./subnets.ts";

/** What a new network of this host would get: see {@link Networks.freeSubnet}. */
export async function freeSubnet(context: Context, family: Family, taken: readonly Cidr[]): Promise<Cidr> {
  const driver = await context.drivers.get("bridge");
  const network = declare(driver, { name: "any", ipv6: family === "ipv6" });
  const others = [{ name: "what is taken", subnets: taken.map((subnet) => ({ subnet, auxiliary: {} })) }];
  const draft = new Draft(context.store, true);
  const [found] = await chooseSubnets(context, draft, driver, network, [], family === "ipv4", [], others);
  if (found !== undefined) return found.subnet;
  throw new NetkitError("POOL_EXHAUSTED", "no free subnet is left", { hint: "Name one, or remove a network." });
}
