import {
  NetkitError,
  type AnyDriver,
  type Endpoint,
  type Namespace,
  type Network,
  type Resource,
  type VethResource,
} from "@netkit/core";
import type { EndpointRequest } from "./api.ts";
import { hasInterfaces } from "./interface.ts";
import { endpointsOfNamespace, type Reader } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { keys, type Owned } from "./state.ts";

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
  const { sysctls = {}, linkLocal = [], ifName, gatewayPriority = 0, metric = 0 } = request;
  const settings = Object.keys(sysctls).length + linkLocal.length;
  if (settings === 0 && gatewayPriority === 0 && metric === 0 && ifName === undefined) return;
  throw new NetkitError("UNSUPPORTED", "the interface is handed over, and what is set inside is its new owner's", {
    hint: "Leave out its name, sysctls, link-local addresses, priority and metric.",
  });
}

/**
 * Whether an interface that was handed over is in some namespace, though not where that was said to be: its other end is
 * here and it is not. A namespace that ends takes both.
 */
export async function isTaken(context: Context, reader: Reader, namespace: Namespace): Promise<boolean> {
  const endpoints = (await endpointsOfNamespace(reader, namespace.id)).filter(({ handedOver }) => handedOver === true);
  const owned = await reader.getAll<Owned>(endpoints.map(({ id }) => keys.owned(id)));
  const links = [...owned.values()].flatMap(({ resources }) => resources).filter(isHandedVeth);
  if (links.length === 0) return false;
  const { handlers } = await context.host.open();
  const handler = handlers.find(({ kinds }) => kinds.has("veth"));
  const readings = await handler?.read(links.map((link) => ({ ...link, handedOver: false })));
  return (readings ?? []).some(
    (reading) => reading.state === "different" && reading.differences.some(({ field }) => field === "peer"),
  );
}

function isHandedVeth(resource: Resource): resource is VethResource {
  return resource.kind === "veth" && resource.handedOver === true;
}
