import { NetkitError, type AnyDriver, type Endpoint, type Network, type Resource } from "@netkit/core";
import type { EndpointRequest } from "./api.ts";
import { hasInterfaces } from "./interface.ts";

/**
 * What this host holds for an endpoint whose interface another engine takes: the driver's resources but for what is inside the
 * sandbox, which is that engine's alone. The interface begins in the host's namespace.
 */
export function handedOver({ namespace }: Pick<Endpoint, "namespace">, resources: readonly Resource[]): Resource[] {
  return resources.flatMap((resource): Resource[] => {
    switch (resource.kind) {
      case "veth":
        if (resource.peer.ns !== namespace) return [resource];
        return [{ ...resource, peer: { ...resource.peer, ns: "host" }, handedOver: true }];
      case "macvlan":
      case "ipvlan":
        return [resource.ns === namespace ? { ...resource, ns: "host", handedOver: true } : resource];
      default:
        return resource.ns === namespace ? [] : [resource];
    }
  });
}

/** @throws NetkitError UNSUPPORTED: there is no interface to hand over, or what was asked for would be inside */
export function refuseHandingOver(driver: AnyDriver, network: Network, request: EndpointRequest): void {
  if (!hasInterfaces(driver)) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' has no interfaces that could be handed over`, {
      hint: "Use a network of another driver: bridge, overlay, macvlan.",
    });
  }
  const { sysctls = {}, linkLocal = [], ifName, gatewayPriority = 0 } = request;
  if (Object.keys(sysctls).length + linkLocal.length + gatewayPriority === 0 && ifName === undefined) return;
  throw new NetkitError("UNSUPPORTED", "the interface is handed over, and what is set inside is its new owner's", {
    hint: "Leave out its name, sysctls, link-local addresses and priority.",
  });
}
