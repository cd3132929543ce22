/**
 * Sandboxes in the host's own network namespace.
 *
 * @packageDocumentation
 */
import { driverApi, type Driver } from "@netkit/core";

type NoOptions = Readonly<Record<string, never>>;

/** The driver `host` and its one network of the same name. */
export function host(): Driver<NoOptions, NoOptions> {
  return {
    api: driverApi,
    name: "host",
    summary: "the host's own interfaces, shared",
    scope: "local",
    traits: {
      namespace: "host",
      addresses: "none",
      families: [],
      publish: false,
      exclusive: true,
      internal: false,
      subnetOfLink: false,
    },
    options: {},
    endpointOptions: {},
    predefined: () => ({ name: "host" }),
    network: () => [],
    endpoint: () => [],
  };
}

/** The name by which configuration files and `netkit conformance` find it. */
export { host as driver };
