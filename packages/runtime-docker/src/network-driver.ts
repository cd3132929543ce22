import {
  everything,
  familyOf,
  givesDefaultRoute,
  ipOf,
  isNetkitError,
  NetkitError,
  parseCidr,
  shortId,
  type Cidr,
  type Endpoint,
  type Family,
  type Ip,
  type Network,
} from "@netkit/core";
import type { EndpointRequest, Netkit, NetworkJoinRequest, NetworkRequest } from "@netkit/engine";
import { macOfAddress } from "@netkit/ipam";
import type { Containers } from "./containers.ts";
import { engine } from "./forgotten-networks.ts";
import { ifThere } from "./gone.ts";
import { furtherSubnets, withHandingOut, withJoining, type Joining } from "./joined-network.ts";
import { giveBack, keepAddresses } from "./kept-addresses.ts";
import { wantedMac } from "./mac-address.ts";
import { method, type Methods } from "./method.ts";
import { refuseSubnetsOfFlannel, wantedNetwork } from "./network-request.ts";
import { endpointOptions, sysctlOption } from "./options.ts";
import type { Pools } from "./pools.ts";
import { portSpecs } from "./port-specs.ts";
import * as schemas from "./schemas.ts";

interface Pending {
  readonly request: EndpointRequest;
  /** Addresses that are kept for it, and that Docker's IPAM won't give back. */
  readonly kept: readonly Ip[];
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
      const join = { id: request.NetworkID, engine, pools: wanted.pools };
      const network =
        "create" in wanted
          ? await made(netkit, wanted.create, join)
          : await joinedBy(netkit, driver, wanted.join, join);
      for (const subnet of [...wanted.pools, ...network.subnets.map((each) => each.subnet)]) pools.settle(subnet);
      return {};
    }),

    "NetworkDriver.DeleteNetwork": method(schemas.network, async ({ NetworkID }) => {
      // Docker forgets it whatever is answered: from now on one that is in use is netkit's own.
      await netkit.networks.leave(NetworkID);
      const network = await ifThere(netkit.networks.get(NetworkID));
      // One that was there before is none of Docker's to remove, and isn't found by that id any more.
      if (network !== undefined) await netkit.networks.remove(network.id);
      return {};
    }),

    "NetworkDriver.CreateEndpoint": method(schemas.createEndpoint, async ({ NetworkID, EndpointID, ...request }) => {
      const { Interface, Options } = request;
      if (pending.has(EndpointID) || (await containers.find(EndpointID)) !== undefined) {
        throw new NetkitError("ENDPOINT_EXISTS", `endpoint ${shortId(EndpointID)} exists already`);
      }
      const network = await ifThere(netkit.networks.get(NetworkID));
      if (network === undefined) throw unknownNetwork(NetworkID);
      const mac = wantedMac(Interface.MacAddress, Options);
      const [options, sysctls] = [endpointOptions(Options), sysctlOption(Options)];
      const isOwnMac = mac === undefined && (await netkit.driver(network.driver)).traits.sharedMac !== true;
      const asked = [Interface.Address, Interface.AddressIPv6].flatMap((text) => (text ? [parseCidr(text)] : []));
      const given = asked.length === 0 ? await keepAddresses(netkit, network) : [];
      const addresses = [...asked, ...given];
      const [ip, ip6] = [firstOf("ipv4", addresses), firstOf("ipv6", addresses)];
      pending.set(EndpointID, {
        kept: given.map(ipOf),
        request: {
          network: network.id,
          id: EndpointID,
          ...(ip === undefined ? {} : { ip: ipOf(ip) }),
          ...(ip6 === undefined ? {} : { ip6: ipOf(ip6) }),
          ...(mac === undefined ? {} : { mac }),
          options,
        },
        sysctls,
      });
      const [first] = addresses;
      // Nothing that was asked for is said again.
      return {
        Interface: {
          ...(given.length === 0 ? {} : { Address: ip, AddressIPv6: ip6 }),
          ...(isOwnMac ? { MacAddress: macOfAddress(first && ipOf(first), EndpointID) } : {}),
        },
      };
    }),

    "NetworkDriver.EndpointOperInfo": method(schemas.endpoint, async (ids) => {
      await known(ids);
      return { Value: {} };
    }),

    "NetworkDriver.DeleteEndpoint": method(schemas.endpoint, async ({ EndpointID }) => {
      const { request, kept = [] } = pending.get(EndpointID) ?? {};
      pending.delete(EndpointID);
      if (request !== undefined) await giveBack(netkit, request.network, kept);
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

function firstOf(family: Family, addresses: readonly Cidr[]): Cidr | undefined {
  return addresses.find((each) => familyOf(each) === family);
}

async function made(netkit: Netkit, request: NetworkRequest, join: NetworkJoinRequest): Promise<Network> {
  refuseSubnetsOfFlannel(request);
  const network = await netkit.networks.create(request).catch(async (error: unknown) => {
    throw isNetkitError(error) && error.code === "SUBNET_OVERLAP" ? await withJoining(netkit, error) : error;
  });
  await netkit.networks.join(network.id, join);
  return network;
}

/** A network that was there before Docker's, which has another id. */
async function joinedBy(netkit: Netkit, driver: string, joining: Joining, join: NetworkJoinRequest): Promise<Network> {
  const network = await netkit.networks.get(joining.network);
  const subnets = furtherSubnets(network, driver, joining);
  await netkit.networks.join(network.id, { ...join, subnets }).catch((error: unknown) => {
    throw withHandingOut(error, network);
  });
  return await netkit.networks.get(network.id);
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
