import type { AnyDriver } from "@netkit/core";
import { bridge } from "../src/index.ts";

const { endpointOptions, ...rest } = bridge();
const limited = { default: 8_000_000 };

/** The driver with a limit on every endpoint, for cases that know nothing of its options. */
export const driver: AnyDriver = {
  ...rest,
  endpointOptions: {
    ...endpointOptions,
    "rate-ingress": { ...endpointOptions["rate-ingress"], ...limited },
    "rate-egress": { ...endpointOptions["rate-egress"], ...limited },
  },
};
