import type { Cidr, EndpointId, HostId, Ip, Mac, NetworkId, RemoteEndpoint, SandboxId } from "@netkit/core";
import type { SharedNetwork } from "../../src/shared/records.ts";

/** An id that starts with a digit. */
export function idOf<T extends string>(digit: string): T {
  return digit.repeat(64) as T;
}

export const network: SharedNetwork = {
  id: idOf<NetworkId>("a"),
  name: "web",
  created: "2026-01-01T00:00:00.000Z",
  labels: { tier: "front" },
  driver: "overlay",
  scope: "global",
  predefined: false,
  internal: false,
  ipv6: false,
  subnets: [{ subnet: "10.0.0.0/22" as Cidr, gateway: "10.0.0.1" as Ip, auxiliary: {} }],
  options: { vni: { first: 5, last: 5 }, icc: true },
  claims: { vni: "5" },
};

export function endpointOn(host: string, digit: string, address: string): RemoteEndpoint {
  return {
    id: idOf<EndpointId>(digit),
    network: network.id,
    host: idOf<HostId>(host),
    hostName: `host-${host}`,
    vtep: "192.0.2.7" as Ip,
    mac: "02:6e:0a:00:00:05" as Mac,
    addresses: [`${address}/22` as Cidr],
    sandbox: { id: idOf<SandboxId>("e"), name: `s${digit}`, hostname: `s${digit}`, aliases: ["db"] },
  };
}
