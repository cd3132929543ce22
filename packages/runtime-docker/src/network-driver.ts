import {
  everything,
  familyOf,
  givesDefaultRoute,
  ipOf,
  isNetkitError,
  NetkitError,
  parseCidr,
  shortId,
  subnetOf,
  type Cidr,
  type Endpoint,
  type Network,
} from "@netkit/core";
import type { EndpointRequest, Netkit } from "@netkit/engine";
import { macOfAddress } from "@netkit/ipam";
import type { Containers } from "./containers.ts";
import { networkWith } from "./ipam-driver.ts";
import { wantedMac } from "./mac-address.ts";
import { method, type Methods } from "./method.ts";
import { refuseMisfit } from "./joined-network.ts";
import { refuseFlannel, wantedNetwork } from "./network-request.ts";
import { endpointOptions, sysctlOption } from "./options.ts";
import type { Pools } from "./pools.ts";
import { portSpecs } from "./port-specs.ts";
import * as schemas from "./schemas.ts";

interface Pending {
  readonly request: EndpointRequest;
  /** An option for an interface that Docker doesn't set up. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** The methods of a network driver (moby, daemon/libnetwork/docs/remote.md) for networks of one of netkit's. */
export function networkDriver(netkit: Netkit, pools: Pools, containers: Containers, driver: string): Methods {
  /** What Docker has asked for and no container has joined yet: Docker tells of that within a second. */
  const pending = new Map<string, Pending>();

  const known = async ({ NetworkID, EndpointID }: schemas.EndpointIds): Promise<void> => {
    if (pending.has(EndpointID) || (await containers.find(EndpointID)) !== undefined) return;
    throw unknownEndpoint(NetworkID, EndpointID);
  };

  return {
    "NetworkDriver.GetCapabilities": method(schemas.nothing, async () => ({
      Scope: "local",
      ConnectivityScope: "local",
    })),

    "NetworkDriver.CreateNetwork": method(schemas.createNetwork, async (request) => {
      const wanted = wantedNetwork(request, driver, pools);
      if ("create" in wanted) refuseFlannel(driver);
      const network =
        "create" in wanted
          ? await netkit.networks.create(wanted.create)
          : await netkit.networks.get(wanted.join.network);
      if ("join" in wanted) refuseMisfit(network, driver, wanted.join);
      for (const { subnet } of network.subnets) pools.settle(subnet);
      return {};
    }),

    "NetworkDriver.DeleteNetwork": method(schemas.network, async ({ NetworkID }) => {
      const network = await findNetwork(netkit, NetworkID);
      // One that was there before is none of Docker's to remove.
      if (network !== undefined) await netkit.networks.remove(network.id);
      return {};
    }),

    "NetworkDriver.CreateEndpoint": method(schemas.createEndpoint, async ({ NetworkID, EndpointID, ...request }) => {
      const { Interface, Options } = request;
      if (pending.has(EndpointID) || (await containers.find(EndpointID)) !== undefined) {
        throw new NetkitError("ENDPOINT_EXISTS", `endpoint ${shortId(EndpointID)} exists already`);
      }
      const ip = parsed(Interface.Address);
      const ip6 = parsed(Interface.AddressIPv6);
      const first = ip ?? ip6;
      const network = (await findNetwork(netkit, NetworkID)) ?? (await networkOfAddress(netkit, first));
      if (network === undefined) throw unknownNetwork(NetworkID);
      if (first === undefined) {
        throw new NetkitError("UNSUPPORTED", `network '${network.name}' gives out addresses, and none was asked for`, {
          hint: "Make Docker's network with --ipam-driver netkit.",
        });
      }
      const mac = wantedMac(Interface.MacAddress, Options);
      pending.set(EndpointID, {
        request: {
          network: network.id,
          id: EndpointID,
          ...(ip === undefined ? {} : { ip: ipOf(ip) }),
          ...(ip6 === undefined ? {} : { ip6: ipOf(ip6) }),
          ...(mac === undefined ? {} : { mac }),
          options: endpointOptions(Options),
        },
        sysctls: sysctlOption(Options),
      });
      const { sharedMac } = (await netkit.driver(network.driver)).traits;
      const isOwn = mac === undefined && sharedMac !== true;
      return { Interface: isOwn ? { MacAddress: macOfAddress(ipOf(first), EndpointID) } : {} };
    }),

    "NetworkDriver.EndpointOperInfo": method(schemas.endpoint, async (ids) => {
      await known(ids);
      return { Value: {} };
    }),

    "NetworkDriver.DeleteEndpoint": method(schemas.endpoint, async ({ EndpointID }) => {
      pending.delete(EndpointID);
      await containers.leave(EndpointID);
      return {};
    }),

    "NetworkDriver.Join": method(schemas.join, async ({ NetworkID, EndpointID, SandboxKey }) => {
      const asked = pending.get(EndpointID);
      if (asked === undefined) throw unknownEndpoint(NetworkID, EndpointID);
      const network = await netkit.networks.get(asked.request.network);
      // Docker's own way to move an interface takes two grace periods of the kernel, 30 ms (RCU, dev_change_net_namespace).
      const inPlace = containers.isRunning(SandboxKey) && network.defaultByLink !== true;
      const endpoint = await containers.join(
        SandboxKey,
        inPlace ? madeInPlace(asked) : { ...asked.request, handedOver: true },
      );
      pending.delete(EndpointID);
      return joined(network, endpoint);
    }),

    // The interface comes back to the host's namespace after this, and goes with the endpoint.
    "NetworkDriver.Leave": method(schemas.endpoint, async (ids) => {
      await known(ids);
      return {};
    }),

    "NetworkDriver.ProgramExternalConnectivity": method(schemas.programExternalConnectivity, async (request) => {
      await containers.publish(request.EndpointID, portSpecs(request.Options));
      return {};
    }),
    "NetworkDriver.RevokeExternalConnectivity": method(schemas.endpoint, async ({ EndpointID }) => {
      await containers.publish(EndpointID, []);
      return {};
    }),

    "NetworkDriver.DiscoverNew": method(schemas.nothing, async () => ({})),
    "NetworkDriver.DiscoverDelete": method(schemas.nothing, async () => ({})),
  };
}

/**
 * In a container that runs the interface is made where it belongs. Docker counts `eth0`, `eth1` without looking, so that it has a name
 * of another kind.
 */
function madeInPlace({ request, sysctls }: Pending): EndpointRequest {
  return { ...request, options: { ...request.options, ...sysctls }, ifPrefix: "net", leavesDefaultRoute: true };
}

/** What Docker has to do in the container's namespace beside the addresses, which it knows. */
function joined(network: Network, { ifName, addresses, handedOver }: Endpoint): object {
  const leads = givesDefaultRoute(network);
  const gateways = leads ? addresses.flatMap(({ gateway }) => gateway ?? []) : [];
  const of = (family: string): string => gateways.find((ip) => familyOf(ip) === family) ?? "";
  const waysOut = { Gateway: of("ipv4"), GatewayIPv6: of("ipv6"), DisableGatewayService: true };
  // Without a source there is nothing to move.
  if (handedOver !== true) return { InterfaceName: { SrcName: "", DstPrefix: ifName }, ...waysOut };
  const byLink =
    leads && network.defaultByLink === true ? addresses.map(({ address }) => everything[familyOf(address)]) : [];
  return {
    InterfaceName: { SrcName: ifName, DstPrefix: "eth" },
    // Docker would lend a network without a way out one of its own (DisableGatewayService).
    ...waysOut,
    StaticRoutes: [
      ...byLink.map((Destination) => ({ Destination, RouteType: 1, NextHop: "" })),
      // A route that refuses is nothing that the protocol knows.
      ...(network.routes ?? []).flatMap(({ destination, gateway }) =>
        gateway === undefined ? [] : [{ Destination: destination, RouteType: 0, NextHop: gateway }],
      ),
    ],
  };
}

function parsed(text: string | undefined): Cidr | undefined {
  return text === undefined ? undefined : parseCidr(text);
}

async function findNetwork(netkit: Netkit, id: string): Promise<Network | undefined> {
  try {
    return await netkit.networks.get(id);
  } catch (error) {
    if (isNetkitError(error) && error.code === "NETWORK_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Of a network that was there before Docker's, which has another id: no two have a subnet in common. */
async function networkOfAddress(netkit: Netkit, address: Cidr | undefined): Promise<Network | undefined> {
  return address === undefined ? undefined : await networkWith(netkit, subnetOf(address));
}

function unknownNetwork(id: string): NetkitError {
  return new NetkitError("NETWORK_NOT_FOUND", `netkit has no network for Docker's ${shortId(id)}`, {
    hint: "Somebody has removed it: remove it with 'docker network rm', and make it again.",
  });
}

function unknownEndpoint(network: string, endpoint: string): NetkitError {
  return new NetkitError("ENDPOINT_NOT_FOUND", `netkit has no endpoint ${shortId(endpoint)} on ${shortId(network)}`, {
    hint: "The agent may have been started anew meanwhile: start the container again.",
  });
}
