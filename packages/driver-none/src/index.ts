/**
 * Sandboxes with a loopback interface and nothing else.
 *
 * @packageDocumentation
 */
import { driverApi, type Driver } from "@netkit/core";

type NoOptions = Readonly<Record<string, never>>;

/** The driver `null` and its one network, `none`. */
export function none(): Driver<NoOptions, NoOptions> {
  return {
    api: driverApi,
    name: "null",
    summary: "a loopback interface and nothing else",
    scope: "local",
    traits: {
      namespace: "own",
      addresses: "none",
      families: [],
      publish: false,
      exclusive: true,
      internal: false,
      subnetOfLink: false,
    },
    options: {},
    endpointOptions: {},
    predefined: () => ({ name: "none" }),
    network: () => [],
    endpoint: () => [],
  };
}

/** The name by which configuration files and `netkit conformance` find it. */
export { none as driver };
