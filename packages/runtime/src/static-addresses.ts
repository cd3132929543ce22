import { familyOf, type Ip } from "@netkit/core";
import type { EndpointRequest } from "@netkit/engine";

/** Addresses that a runtime asks for, as a request has them: the first of each family, and the others. One that is named twice is one. */
export function staticAddresses(ips: readonly Ip[]): Pick<EndpointRequest, "ip" | "ip6" | "furtherIps"> {
  const all = [...new Set(ips)];
  const ip = all.find((each) => familyOf(each) === "ipv4");
  const ip6 = all.find((each) => familyOf(each) === "ipv6");
  const further = all.filter((each) => each !== ip && each !== ip6);
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
    ...(further.length === 0 ? {} : { furtherIps: further }),
  };
}
