import { type AnyDriver, type Endpoint, type EndpointView, type Network, type Owner, type Sandbox } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { derivedMac } from "./endpoint-mac.ts";
import { handedOver } from "./handed-over.ts";
import { withInterface } from "./interface.ts";
import type { Context } from "./operation.ts";
import { keys } from "./state.ts";
import { tunable } from "./tuned.ts";
import { resourcesOf, viewOf } from "./view.ts";

/** Records the endpoint, and what its driver says that this host must hold for it. */
export function planEndpoint(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  sandbox: Sandbox,
  endpoint: Endpoint,
): void {
  const view: EndpointView = {
    network: viewOf(context.instance, network),
    id: endpoint.id,
    name: sandbox.name,
    namespace: endpoint.namespace,
    ifName: endpoint.ifName,
    mac: endpoint.mac ?? derivedMac(endpoint),
    addresses: endpoint.addresses,
    ports: endpoint.ports,
    defaultRoute: endpoint.defaultRoute,
    options: endpoint.options,
  };
  const resources = resourcesOf(driver, () => driver.endpoint(view), ["host", endpoint.namespace]);
  const owner: Owner = { type: "endpoint", id: endpoint.id, name: `${sandbox.name}@${network.name}` };
  const all =
    endpoint.handedOver === true ? handedOver(endpoint, resources) : withInterface(endpoint, network, resources);
  draft.want(
    owner,
    all.map((resource) => tunable(endpoint, resource)),
  );
  draft.put(keys.endpoint(endpoint.id), endpoint);
}
