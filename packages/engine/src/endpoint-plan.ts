import {
  type AnyDriver,
  type Endpoint,
  type EndpointView,
  type Network,
  type Owner,
  type Resource,
  type Sandbox,
} from "@netkit/core";
import type { Draft } from "./draft.ts";
import { derivedMac } from "./endpoint-mac.ts";
import { handedOver } from "./handed-over.ts";
import { withInterface } from "./interface.ts";
import type { Context } from "./operation.ts";
import { keys } from "./state.ts";
import { theirResources } from "./theirs.ts";
import { tunable } from "./tuned.ts";
import { unguarded } from "./unguarded.ts";
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
    defaultRoute: [...endpoint.defaultRoute, ...(endpoint.laterRoute ?? [])],
    options: endpoint.options,
  };
  const owner: Owner = { type: "endpoint", id: endpoint.id, name: `${sandbox.name}@${network.name}` };
  draft.want(
    owner,
    planned(driver, network, endpoint, view).map((resource) => tunable(endpoint, resource)),
  );
  draft.put(keys.endpoint(endpoint.id), endpoint);
}

function planned(driver: AnyDriver, network: Network, endpoint: Endpoint, view: EndpointView): readonly Resource[] {
  if (endpoint.theirs !== undefined) return theirResources(endpoint, view.network);
  const drivers = resourcesOf(driver, () => driver.endpoint(view), ["host", endpoint.namespace]);
  const resources = unguarded(endpoint, network, drivers);
  return endpoint.handedOver === true ? handedOver(endpoint, resources) : withInterface(endpoint, network, resources);
}
