// Networks of the conformance suite have no options: a driver whose networks all have host-access, on a wire of their own.
import { kernelName, type AnyDriver, type NetworkView } from "@netkit/core";
import { macvlan, type MacvlanOptions } from "../src/index.ts";

type View = NetworkView<MacvlanOptions>;

const inner = macvlan();

function wireOf({ instance, id }: Pick<View, "instance" | "id">): string {
  return kernelName("w", instance, id);
}

function withAccess<V extends Pick<View, "instance" | "id" | "options">>(view: V): V {
  return { ...view, options: { parent: wireOf(view), mode: "bridge", "host-access": true } };
}

export const driver: AnyDriver = {
  ...inner,
  name: "macvlan-host",
  traits: { ...inner.traits, besideHost: false, internal: false },
  options: {},
  gateways: () => [],
  auxiliary: (view: View) => inner.auxiliary?.(withAccess(view)) ?? [],
  facts: () => [],
  check: () => {},
  claims: () => [],
  mostEndpoints: () => undefined,
  network: (view: View) => [
    { kind: "ifb", ns: "host", name: wireOf(view) },
    { kind: "sysctl", ns: "host", path: `net/ipv6/conf/${wireOf(view)}/disable_ipv6`, value: "1" },
    // The parent is somebody else's where it isn't made here.
    ...inner.network(withAccess(view)).filter(({ kind }) => kind !== "link"),
  ],
  endpoint: (view: Parameters<typeof inner.endpoint>[0]) =>
    inner.endpoint({ ...view, network: withAccess(view.network) }),
};
