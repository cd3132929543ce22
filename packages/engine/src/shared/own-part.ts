import { familyOf, NetkitError, parseIp, type Ip, type ListedSandbox, type Network, type Subnet } from "@netkit/core";
import { contains } from "@netkit/ipam";
import type { EndpointRequest } from "../api.ts";

/**
 * Where hosts share a file: what it says of the sandbox is asked for, and the addresses that are kept for it are free to it.
 * @throws NetkitError ARGUMENT_INVALID: other hosts know it by another address, or another MAC
 */
export function asListed(
  network: Network,
  sandbox: string,
  request: EndpointRequest,
): { readonly network: Network; readonly request: EndpointRequest } {
  const listed = network.listed?.sandboxes[sandbox];
  if (listed === undefined) return { network, request };
  const { ip, ip6, mac } = listed;
  refuseOther(network, sandbox, listed, request);
  const subnets = network.subnets.map((subnet) => {
    const kept = Object.entries(subnet.auxiliary).filter(([name]) => name !== sandbox);
    return { ...subnet, auxiliary: Object.fromEntries(kept) };
  });
  return {
    network: { ...network, subnets },
    request: { ...request, ...(ip && { ip }), ...(ip6 && { ip6 }), ...(mac && { mac }) },
  };
}

function differs(wanted: string | undefined, known: string | undefined): boolean {
  return wanted !== undefined && wanted !== known;
}

function refuseOther(
  { name, listed }: Network,
  sandbox: string,
  { ip, ip6, mac }: ListedSandbox,
  request: EndpointRequest,
): void {
  const wanted = [request.ip, request.ip6].map((address) => address && parseIp(address));
  if (!differs(wanted[0], ip) && !differs(wanted[1], ip6) && !differs(request.mac, mac)) return;
  const known = [ip, ip6, mac].filter((one) => one !== undefined).join(", ");
  throw new NetkitError(
    "ARGUMENT_INVALID",
    `other hosts know sandbox '${sandbox}' on network '${name}' by ${known}, as ${listed?.file} lists it`,
    { hint: "Leave the address and the MAC out, or change that file.", details: { sandbox, network: name } },
  );
}

/** @throws NetkitError ADDRESS_OUTSIDE: it is in another host's part of the subnet, or in nobody's */
export function refuseOthersPart({ name, listed }: Network, { subnet, range }: Subnet, ip: Ip): void {
  if (listed === undefined || (range !== undefined && contains(range, ip))) return;
  const own = Object.values(listed.sandboxes).map((one) => (familyOf(ip) === "ipv4" ? one.ip : one.ip6));
  if (own.includes(ip)) return;
  throw new NetkitError(
    "ADDRESS_OUTSIDE",
    `${ip} isn't in this host's part of network '${name}', which is ${range ?? "nothing"} of ${subnet} by ${listed.file}`,
    {
      hint: "Choose one of that part, leave it out, or list the sandbox in the file.",
      details: { address: ip, network: name, range },
    },
  );
}
