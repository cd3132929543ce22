import type { EndpointView } from "../driver.ts";
import { NetkitError } from "../errors.ts";
import { kernelName } from "../instance.ts";
import { ipOf } from "../address.ts";
import { sendersOf } from "../guard.ts";
import { defaultRoutes, noRouterAdvertisements } from "../interface-resources.ts";
import type { OptionSet } from "../option.ts";
import type { Resource, VethResource } from "../resource.ts";
import type { Area } from "./area.ts";
import type { BridgedEndpointOptions, RateOptions } from "./options.ts";
import { openPorts, publish } from "./ports.ts";
import { rateResources } from "./rate.ts";

type View = EndpointView<OptionSet, BridgedEndpointOptions>;

/**
 * What this host must hold for one endpoint that is a port of a bridge.
 * @throws NetkitError ARGUMENT_INVALID, OPTION_INVALID or UNSUPPORTED for a port or a rate that can't be
 */
export function endpointResources(view: View, area: Area): readonly Resource[] {
  const { network, namespace: ns, ifName } = view;
  const { mtu } = area;
  const size = mtu === undefined ? {} : { mtu };
  const name = view.options["host-ifname"] ?? kernelName("v", network.instance, view.id);
  if (name === area.link) throw bridgesName(view, name);
  return pairResources(view, area, (published) => ({
    kind: "veth",
    ns: "host",
    name,
    ...size,
    master: area.link,
    // A sandbox that calls its own published port gets its frame back through its own port of the bridge.
    hairpin: published,
    isolated: !area.icc,
    ...(area.guarded ? { guarded: true } : {}),
    peer: { ns, name: ifName, mac: view.mac, ...size },
  }));
}

/**
 * What this host must hold for one endpoint that is the other end of a pair.
 * @param pairOf the pair, by whether a port of the host leads to the endpoint
 * @throws NetkitError ARGUMENT_INVALID, OPTION_INVALID or UNSUPPORTED for a port or a rate that can't be
 */
export function pairResources(
  view: EndpointView<OptionSet, RateOptions>,
  area: Area,
  pairOf: (published: boolean) => VethResource,
): readonly Resource[] {
  const { network, namespace: ns, ifName, addresses } = view;
  const published = view.ports.flatMap((port) => publish(view, port, area));
  const pair = pairOf(published.length > 0);
  return [
    pair,
    ...noRouterAdvertisements(view),
    ...addresses.map(({ address }): Resource => ({ kind: "address", ns, link: ifName, address })),
    ...(network.internal ? [] : defaultRoutes(view)),
    ...rateResources(view, pair.name, area.mtu),
    ...sendersOf(
      pair,
      addresses.map(({ address }) => ipOf(address)),
    ),
    ...published,
    ...openPorts(view, area),
  ];
}

function bridgesName({ name: sandbox, network }: View, name: string): NetkitError {
  return new NetkitError(
    "OPTION_INVALID",
    `sandbox '${sandbox}' on network '${network.name}': host-ifname=${name} is what the network's bridge is called`,
    { hint: "Choose another one, or leave it out." },
  );
}
