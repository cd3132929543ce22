import type { EndpointView } from "../driver.ts";
import { NetkitError } from "../errors.ts";
import { kernelName } from "../instance.ts";
import type { OptionSet } from "../option.ts";
import type { Resource, ShaperResource } from "../resource.ts";
import type { RateOptions } from "./options.ts";

type View = EndpointView<OptionSet, RateOptions>;

/** How long a packet waits at most, as in CNI's bandwidth plugin. */
const LATENCY_S = 0.025;
const BURST_S = 0.01;
/** A handful of packets, for rates that are slow. */
const BURST_BYTES = 16_384;
/** The kernel keeps a burst as the time that it takes, in 32 bits of 64 ns. */
const BURST_S_MAX = 240;
/** What a frame has around its packet: an Ethernet header and a VLAN tag. */
const FRAME_BYTES = 18;

/**
 * What keeps an endpoint to its rates. All of it is on the host, where root in the sandbox has no say: towards the
 * sandbox the host's end of the pair sends at the rate; what comes from the sandbox goes through an ifb that does.
 */
export function rateResources(view: View, veth: string, mtu: number | undefined): Resource[] {
  const ns = "host";
  const ingress = shaperOf(view, "ingress", veth, mtu);
  const ifb = kernelName("i", view.network.instance, view.id);
  const egress = shaperOf(view, "egress", ifb, mtu);
  return [
    ...(ingress === undefined ? [] : [ingress]),
    ...(egress === undefined
      ? []
      : [{ kind: "ifb", ns, name: ifb } as const, egress, { kind: "redirect", ns, link: veth, to: ifb } as const]),
  ];
}

function shaperOf(
  view: View,
  direction: "ingress" | "egress",
  link: string,
  mtu: number | undefined,
): ShaperResource | undefined {
  const [rate, burst] = [view.options[`rate-${direction}`], view.options[`burst-${direction}`]];
  if (rate === undefined) {
    if (burst === undefined) return undefined;
    throw refusal(view, `burst-${direction} has no meaning without a rate`, `Set rate-${direction} as well.`);
  }
  const bytesPerSecond = Math.floor(rate / 8);
  const largest = (mtu ?? 1500) + FRAME_BYTES;
  const burstBytes =
    burst === undefined ? Math.max(Math.ceil(bytesPerSecond * BURST_S), BURST_BYTES, largest) : Math.floor(burst / 8);
  if (burstBytes < largest) {
    throw refusal(
      view,
      `burst-${direction} is ${burst} bits, less than a packet has`,
      `Set burst-${direction}=${largest * 8}bit or more, or leave it out.`,
    );
  }
  if (burstBytes > bytesPerSecond * BURST_S_MAX) {
    throw refusal(
      view,
      `burst-${direction} takes longer than ${BURST_S_MAX} s at ${rate} bits per second`,
      burst === undefined ? `Set rate-${direction} higher.` : `Set burst-${direction} lower, or leave it out.`,
    );
  }
  const limitBytes = Math.ceil(bytesPerSecond * LATENCY_S) + burstBytes;
  return { kind: "shaper", ns: "host", link, bytesPerSecond, burstBytes, limitBytes };
}

function refusal({ name, network, options }: View, what: string, hint: string): NetkitError {
  return new NetkitError("OPTION_INVALID", `sandbox '${name}' on network '${network.name}': ${what}`, {
    hint,
    details: { options },
  });
}
