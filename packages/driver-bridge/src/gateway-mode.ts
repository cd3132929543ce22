import {
  familyOf,
  formatRange,
  NetkitError,
  type Access,
  type EndpointView,
  type Family,
  type Ip,
  type IsolationResource,
  type NetworkView,
} from "@netkit/core";
import type { GatewayMode } from "@netkit/core/bridged";
import { networkOptions, type BridgeOptions } from "./options.ts";

type View = NetworkView<BridgeOptions>;

const families = ["ipv4", "ipv6"] as const;

export function modeOf({ options }: Pick<View, "options">, family: Family): GatewayMode {
  return options[`gateway-mode-${family}`];
}

/** Whether what goes to the outside, and comes to published ports, is translated. */
export function isTranslated(view: Pick<View, "options">, family: Family): boolean {
  return modeOf(view, family).startsWith("nat");
}

/** Whether the bridge has the gateways' addresses of that family. */
export function hasAddresses(view: Pick<View, "options">, family: Family): boolean {
  const { unmanaged, "inhibit-ipv4": inhibited } = view.options;
  return !unmanaged && modeOf(view, family) !== "isolated" && !(family === "ipv4" && inhibited);
}

/** A gateway that the bridge doesn't have may be somebody else's, but of no use where there is no way out. */
export function gateways(view: Pick<View, "options" | "internal">): readonly Family[] {
  return families.filter(
    (family) => modeOf(view, family) !== "isolated" && (hasAddresses(view, family) || !view.internal),
  );
}

/** Those that aren't routed: where all are nothing is left for a port of the host to lead to. */
export function hostPorts(view: View): readonly Family[] {
  return families.filter(
    (family) => modeOf(view, family) !== "routed" && view.subnets.some(({ subnet }) => familyOf(subnet) === family),
  );
}

/** As in Docker 0.0.0.0 stands for IPv6 as well, and nothing that is bound to an address concerns a routed family. */
export function publishAddress(view: View): Ip | undefined {
  const address = view.options["host-address"];
  if (address === undefined || address === "0.0.0.0" || modeOf(view, familyOf(address)) === "routed") return undefined;
  return address;
}

/** @throws NetkitError UNSUPPORTED: nothing leads from the host's ports to a bridge that is somebody else's */
export function refusePorts({ network: { name }, ports: [port] }: EndpointView<BridgeOptions>): void {
  if (port === undefined) return;
  throw new NetkitError(
    "UNSUPPORTED",
    `port ${formatRange(port.port)}/${port.protocol} can't be published: somebody else sees to the bridge of network '${name}' (unmanaged=true)`,
    { hint: "Leave it out: whoever is on the bridge reaches the sandbox at its own address." },
  );
}

/** What the area of the bridge lets in. */
export function accessOf(view: View): Pick<IsolationResource, "ipv4" | "ipv6" | "trusted"> {
  const [ipv4, ipv6] = families.map((family) => accesses[modeOf(view, family)]);
  const trusted = view.options["trusted-host-interfaces"];
  return {
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(trusted === undefined ? {} : { trusted }),
  };
}

const accesses: Readonly<Partial<Record<GatewayMode, Access>>> = { "nat-unprotected": "all", routed: "opened" };

/** @throws NetkitError OPTION_INVALID where the options contradict each other */
export function refuseContradictions(view: View): void {
  const { name, internal, options, subnets } = view;
  for (const family of families) {
    const mode = modeOf(view, family);
    const option = `gateway-mode-${family}=${mode}`;
    if (mode === "isolated" && !internal) {
      throw contradiction(`network '${name}' has ${option}, but isn't internal`, "Make it with --internal.");
    }
    if (internal && (mode === "routed" || mode === "nat-unprotected")) {
      throw contradiction(`network '${name}' is internal, yet has ${option}`, "Leave out one of them.");
    }
    const gateway = subnets.find(({ subnet, gateway: ip }) => ip !== undefined && familyOf(subnet) === family)?.gateway;
    if (mode === "isolated" && gateway !== undefined) {
      throw contradiction(`network '${name}' has ${option}, yet the gateway ${gateway}`, "Leave out the gateway.");
    }
  }
  refuseUnmanaged(view);
  if (internal && options["trusted-host-interfaces"] !== undefined) {
    const hint = "Leave out one of them: nothing gets into an internal network.";
    throw contradiction(`network '${name}' is internal, yet has trusted-host-interfaces`, hint);
  }
}

/** Whose bridge is somebody else's has of netkit's neither rules nor addresses. */
function refuseUnmanaged({ name, internal, options }: View): void {
  if (!options.unmanaged) return;
  if (options.name === undefined) {
    throw contradiction(`network '${name}' has unmanaged=true, but names no bridge`, "Name it: -o name=BRIDGE");
  }
  const idle = ["host-address", "snat-ipv4", "snat-ipv6", "trusted-host-interfaces"] as const;
  const asked =
    idle.find((option) => options[option] !== undefined) ??
    families
      .map((family) => `gateway-mode-${family}` as const)
      .find((option) => options[option] !== networkOptions[option].default);
  const what = internal ? "is internal" : `has ${asked}`;
  if (!internal && asked === undefined) return;
  throw contradiction(
    `network '${name}' ${what}, yet has unmanaged=true`,
    "Leave out one of them: whoever sees to the bridge says what gets through.",
  );
}

function contradiction(message: string, hint: string): NetkitError {
  return new NetkitError("OPTION_INVALID", message, { hint });
}
