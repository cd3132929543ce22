import { ipOf, parseCidr, type Endpoint, type EndpointAddress } from "@netkit/core";
import { contains } from "@netkit/ipam";
import { macOf } from "./interface.ts";
import { tellsServer } from "./labels.ts";
import type { PodmanNetwork } from "./network-options.ts";

/** What Podman is told of one interface. */
export interface StatusBlock {
  readonly dns_search_domains: readonly string[];
  readonly dns_server_ips: readonly string[];
  readonly interfaces: Readonly<
    Record<
      string,
      {
        readonly mac_address: string;
        readonly subnets: readonly { readonly gateway: string | null; readonly ipnet: string }[];
      }
    >
  >;
}

/** An interface as it was made. */
export interface Made {
  readonly podmans: PodmanNetwork;
  readonly endpoint: Endpoint;
  /** What Podman is to write into the container's resolv.conf. */
  readonly servers: readonly string[];
}

/** The agent answers names with this behind them as it does without. */
const searchDomain = "dns.podman";

export function statusBlock(netns: string, { podmans, endpoint, servers }: Made): StatusBlock {
  return {
    dns_search_domains: tellsServer(endpoint) ? [searchDomain] : [],
    dns_server_ips: servers,
    interfaces: {
      [endpoint.ifName]: {
        mac_address: endpoint.mac ?? macOf(netns, endpoint.ifName),
        subnets: endpoint.addresses.map((each) => ({ gateway: gatewayOf(podmans, each), ipnet: each.address })),
      },
    },
  };
}

/** As netavark has it: that of Podman's subnet, even where it leads nowhere. */
function gatewayOf({ subnets = [] }: PodmanNetwork, { address, gateway }: EndpointAddress): string | null {
  const described = subnets.find(({ subnet }) => contains(parseCidr(subnet), ipOf(address)));
  return (described === undefined ? gateway : described.gateway) ?? null;
}
