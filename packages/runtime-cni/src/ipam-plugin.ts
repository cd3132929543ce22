import { isNetkitError, NetkitError, type Network } from "@netkit/core";
import type { Loan, Netkit } from "@netkit/engine";
import { findNetwork, forAll } from "@netkit/runtime";
import { cniCodes, CniError, toCniError } from "./cni-error.ts";
import type { Configuration } from "./configuration.ts";
import type { Environment } from "./environment.ts";
import { containerLabel, interfaceLabel, listLabel, sandboxLabels } from "./labels.ts";
import { networkName, openNetwork } from "./network.ts";
import type { Plugin } from "./plugin.ts";
import { parseResult, type Result } from "./result.ts";
import { networkStatus } from "./status.ts";
import { staleness } from "./valid-attachments.ts";
import { dnsOf, endpointWishes } from "./wishes.ts";

/** `netkit-ipam`: lends addresses of a network to containers that other plugins connect. */
export const ipamPlugin: Plugin = {
  about: "netkit-ipam: hands out addresses of netkit's networks for other plugins",

  async add(netkit, environment, configuration) {
    const { ip, ip6 } = endpointWishes(environment, configuration);
    const asked = about(configuration);
    const { network } = await openNetwork(netkit, asked);
    const loan = await netkit.networks.lend(network.id, {
      holder: holderOf(environment, configuration),
      ...(ip === undefined ? {} : { ip }),
      ...(ip6 === undefined ? {} : { ip6 }),
      netns: environment.netns,
      labels: {
        ...sandboxLabels(environment),
        [listLabel]: configuration.name,
        [interfaceLabel]: environment.ifName,
      },
    });
    return resultOf(loan, network, configuration);
  },

  async del(netkit, environment, configuration) {
    const network = await findNetwork(netkit, networkName(about(configuration)));
    if (network !== undefined) await giveBack(netkit, network, holderOf(environment, configuration));
  },

  async check(netkit, environment, configuration) {
    const { network } = await openNetwork(netkit, about(configuration));
    const { loans } = await netkit.networks.inspect(network.id);
    const holder = holderOf(environment, configuration);
    const loan = loans.find((each) => each.holder === holder);
    if (loan === undefined) {
      throw new CniError(cniCodes.unknownContainer, `'${holder}' has no address of network '${network.name}'`);
    }
    const { prevResult, cniVersion } = configuration;
    if (prevResult === undefined) throw new CniError(cniCodes.invalidConfiguration, "required prevResult missing");
    const { ips } = parseResult(prevResult, cniVersion);
    const lost = loan.addresses.find(({ address }) => !ips.some((ip) => ip.address === address));
    if (lost === undefined) return;
    throw toCniError(
      new NetkitError("DRIFT", `the container has the address ${lost.address}, which prevResult doesn't`, {
        hint: "Another plugin has changed its addresses.",
      }),
    );
  },

  async gc(netkit, configuration) {
    const network = await findNetwork(netkit, networkName(about(configuration)));
    if (network === undefined) return;
    const isStale = staleness(configuration);
    const stale = (await netkit.networks.inspect(network.id)).loans.filter(({ labels }) =>
      isStale(labels, labels[containerLabel] ?? "", labels[interfaceLabel] ?? ""),
    );
    await forAll(stale, async ({ holder }) => await giveBack(netkit, network, holder));
  },

  async status(open, configuration) {
    await networkStatus(open, about(configuration));
  },
};

/** The network is that of the key `ipam`: the others are the main plugin's. */
function about({ name, cniVersion, ipam }: Configuration): Configuration {
  return { name, cniVersion, network: ipam?.network };
}

/** An interface of a container, as a list of plugins makes it. */
function holderOf({ containerId, ifName }: Environment, { name }: Configuration): string {
  return `${name}/${containerId}/${ifName}`;
}

async function giveBack(netkit: Netkit, { id }: Network, holder: string): Promise<void> {
  try {
    await netkit.networks.takeBack(id, holder);
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "NETWORK_NOT_FOUND") throw error;
  }
}

/** Without routes of its own an IPAM leads out by the gateway, unless the network leads nowhere. */
function resultOf({ addresses }: Loan, { internal }: Network, configuration: Configuration): Result {
  const { servers = [], search = [], options = [] } = dnsOf(configuration);
  const gateways = addresses.flatMap(({ gateway }) => gateway ?? []);
  const defaults = gateways.map((gw) => ({ dst: gw.includes(":") ? "::/0" : "0.0.0.0/0", gw }));
  const lists = Object.entries({ nameservers: servers, search, options }).filter(([, list]) => list.length > 0);
  return {
    interfaces: [],
    ips: addresses.map(({ address, gateway }) => ({ address, ...(gateway === undefined ? {} : { gateway }) })),
    routes: configuration.ipam?.routes ?? (internal ? [] : defaults),
    dns: Object.fromEntries(lists),
  };
}
