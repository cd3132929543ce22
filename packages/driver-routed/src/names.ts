import type { EndpointId, NetworkId } from "@netkit/core";

const networkDigits = 5;
const endpointDigits = 7;

/** What the names of all links of a network on the host begin with. One that is called so itself has the gateways' addresses. */
export function areaName(network: NetworkId): string {
  return `nkr${digitsOf(network, networkDigits)}`;
}

/** The host's end of an endpoint's pair: 15 bytes, as many as a name can have. */
export function endName(network: NetworkId, endpoint: EndpointId): string {
  return `${areaName(network)}${digitsOf(endpoint, endpointDigits)}`;
}

/** So many digits of base 36, of 48 bits of an id. */
function digitsOf(id: string, count: number): string {
  const number = Number.parseInt(id.slice(0, 12), 16) % 36 ** count;
  return number.toString(36).padStart(count, "0");
}
