import { NetkitError, refusingRoutes } from "@netkit/core";
import type { RouteInput } from "@netkit/engine";

/**
 * The value of `--route` as Podman has it: `DESTINATION,GATEWAY[,METRIC]`, or a type that refuses in the gateway's place.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseRoute(text: string): RouteInput {
  const [destination = "", by = "", metric, ...more] = text.split(",");
  if (destination === "" || by === "" || more.length > 0 || (metric !== undefined && !/^[0-9]+$/.test(metric))) {
    throw new NetkitError("ARGUMENT_INVALID", `--route ${JSON.stringify(text)} is no route`, {
      hint: `Write it as --route 10.99.0.0/16,10.7.0.9, with ${refusingRoutes.join(", ")} for a gateway, or with ,METRIC behind.`,
    });
  }
  const type = refusingRoutes.find((word) => word === by);
  return {
    destination,
    ...(type === undefined ? { gateway: by } : { type }),
    ...(metric === undefined ? {} : { metric: Number(metric) }),
  };
}
