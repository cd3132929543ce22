import { createHash } from "node:crypto";
import {
  familyOf,
  isNetkitError,
  type AnyDriver,
  type Cidr,
  type Family,
  type Ip,
  type Network,
  type NetworkId,
  type Subnet,
  stableJson,
} from "@netkit/core";
import { checkStaticAddress, contains, containsSubnet, countAssignable, overlaps, planSubnets } from "@netkit/ipam";
import { declare } from "../../networks.ts";
import type { Context } from "../../operation.ts";
import { subnetRules } from "../../subnets.ts";
import { asked, viewOf } from "../../view.ts";
import type { FileNetwork, PeersFile } from "./reading.ts";

/** A network of the file, with what its driver makes of it. */
export interface PlannedNetwork extends Pick<FileNetwork, "parts" | "endpoints"> {
  /** As all hosts have it: without the parts. */
  readonly network: Network;
}

/** The networks of the file, by name. @throws NetkitError CONFIG_INVALID with the lines of all that is wrong */
export async function planNetworks(
  { drivers, instance }: Pick<Context, "drivers" | "instance">,
  { source, networks }: PeersFile,
): Promise<Map<string, PlannedNetwork>> {
  const planned = new Map<string, PlannedNetwork>();
  const holders = new Map<string, string>();
  for (const [name, file] of networks) {
    const at = ["networks", name];
    const driver = await drivers.get(file.driver).catch((error: unknown) => {
      if (!isNetkitError(error)) throw error;
      source.blame([...at, "driver"], error.message);
    });
    if (driver === undefined) continue;
    if (driver.scope !== "global" || driver.traits.finds !== true) {
      source.blame([...at, "driver"], `hosts can't share a network of driver '${file.driver}' by a file`);
      continue;
    }
    const declared = source.attempt([...at, "options"], () => declare(driver, file, { subnets: file.subnets }));
    if (declared === undefined) continue;
    const subnets = source.attempt([...at, "subnets"], () =>
      planSubnets(file.subnets, subnetRules({ instance }, driver, declared)),
    );
    if (subnets === undefined) continue;
    for (const { network: other } of planned.values())
      for (const { subnet } of subnets)
        for (const { subnet: theirs } of other.subnets)
          if (overlaps(subnet, theirs))
            source.blame([...at, "subnets"], `${subnet} overlaps ${theirs} of network '${other.name}'`);
    const claims: Record<string, string> = {};
    const view = viewOf(instance, { ...declared, subnets });
    const wanted = source.attempt([...at, "options"], () => asked(driver, () => driver.claims?.(view)));
    for (const { name: claim, space, value } of wanted ?? []) {
      if (value === undefined) {
        source.blame([...at, "options"], `'${claim}' has to be one value, for hosts have no store to agree on one by`);
        continue;
      }
      const holder = holders.get(`${space} ${value}`);
      if (holder === undefined) holders.set(`${space} ${value}`, name);
      else source.blame([...at, "options"], `${space} ${value} is that of network '${holder}', too`);
      claims[claim] = value;
    }
    const network: Network = { ...declared, id: idOf(declared, subnets, claims), subnets, claims };
    planned.set(name, { network, parts: file.parts, endpoints: file.endpoints });
  }
  source.refuse();
  for (const { network, parts, endpoints } of planned.values()) {
    checkParts(source, network, await drivers.of(network), parts);
    checkEndpoints(source, network, parts, endpoints);
  }
  source.refuse();
  return planned;
}

/** One that is made otherwise is another network: what is on the first one can't change to it. */
function idOf({ name, driver, internal, options }: Network, subnets: readonly Subnet[], claims: object): NetworkId {
  const text = stableJson({ name, driver, internal, options, subnets, claims });
  return createHash("sha256").update(`network ${text}`).digest("hex") as NetworkId;
}

/** The host's part of each subnet, in their order. */
export function partsOf({ subnets }: Network, parts: readonly Cidr[]): (Cidr | undefined)[] {
  return subnets.map(({ subnet }) => parts.find((part) => containsSubnet(subnet, part)));
}

type Parts = FileNetwork["parts"];

function checkParts(source: PeersFile["source"], network: Network, { traits }: AnyDriver, parts: Parts): void {
  const earlier: { readonly host: string; readonly part: Cidr }[] = [];
  for (const [host, own] of parts) {
    const where = ["networks", network.name, "hosts", host];
    for (const part of own) {
      if (!network.subnets.some(({ subnet }) => containsSubnet(subnet, part)))
        source.blame(where, `${part} lies in no subnet of the network`);
      const other = earlier.find((one) => overlaps(one.part, part));
      if (other !== undefined) source.blame(where, `${part} overlaps ${other.part} of host '${other.host}'`);
      earlier.push({ host, part });
    }
    for (const subnet of network.subnets) {
      const [range, ...more] = own.filter((part) => containsSubnet(subnet.subnet, part));
      if (range === undefined) source.blame(where, `the host has no part of ${subnet.subnet}`);
      else if (more.length > 0) source.blame(where, `the host can have one part of ${subnet.subnet}, not several`);
      else if (countAssignable({ ...subnet, range }) < (traits.hostAddresses === true ? 2n : 1n))
        source.blame(
          where,
          `${range} leaves no address for a sandbox${traits.hostAddresses === true ? " beside the host's own" : ""}`,
        );
    }
  }
}

function checkEndpoints(
  source: PeersFile["source"],
  network: Network,
  parts: Parts,
  endpoints: FileNetwork["endpoints"],
): void {
  const holders = new Map<Ip, string>();
  for (const [sandbox, { host, ip, ip6 }] of endpoints) {
    const where = ["networks", network.name, "endpoints", sandbox];
    if (!parts.has(host)) source.blame([...where, "host"], `host '${host}' isn't among the network's 'hosts'`);
    const given: readonly (readonly [Family, "ip" | "ip6", Ip | undefined])[] = [
      ["ipv4", "ip", ip],
      ["ipv6", "ip6", ip6],
    ];
    for (const [family, field, address] of given) {
      const subnets = network.subnets.filter(({ subnet }) => familyOf(subnet) === family);
      // Its MAC follows from its first address, which the host would choose otherwise.
      if (address === undefined && subnets.length > 0)
        source.blame(where, `'${field}' is missing: the network has ${subnets[0]?.subnet}`);
      if (address === undefined) continue;
      const at = [...where, field];
      source.attempt(at, () => checkStaticAddress(subnets, address));
      const holder = holders.get(address);
      if (holder !== undefined) source.blame(at, `${address} is that of '${holder}', too`);
      holders.set(address, sandbox);
      for (const [other, theirs] of parts)
        if (other !== host && theirs.some((part) => contains(part, address)))
          source.blame(at, `${address} lies in the part of host '${other}'`);
    }
  }
}
