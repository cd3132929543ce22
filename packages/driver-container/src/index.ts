/**
 * Sandboxes in the network namespace of another sandbox.
 *
 * @packageDocumentation
 */
import { driverApi, type Driver } from "@netkit/core";

type NoOptions = Readonly<Record<string, never>>;

/** The driver `container`: what `--network container:NAME` stands for. It has no networks. */
export function container(): Driver<NoOptions, NoOptions> {
  return {
    api: driverApi,
    name: "container",
    summary: "the interfaces of another sandbox, shared",
    scope: "local",
    traits: {
      namespace: "joined",
      addresses: "none",
      families: [],
      publish: false,
      exclusive: true,
      internal: false,
      subnetOfLink: false,
    },
    options: {},
    endpointOptions: {},
    network: () => [],
    endpoint: () => [],
  };
}

/** The name by which configuration files and `netkit conformance` find it. */
export { container as driver };
