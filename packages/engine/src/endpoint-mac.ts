import { ipOf, NetkitError, parseMac, type AnyDriver, type Endpoint, type Mac } from "@netkit/core";
import { macOfAddress } from "@netkit/ipam";

type Addressed = Pick<Endpoint, "id" | "addresses">;

/** The MAC that follows from an endpoint's first address. */
export function derivedMac({ id, addresses }: Addressed): Mac {
  const [first] = addresses;
  return macOfAddress(first === undefined ? undefined : ipOf(first.address), id);
}

/**
 * The MAC of a new endpoint's interface: none where it is that of the link below.
 * @throws NetkitError UNSUPPORTED, ADDRESS_INVALID
 */
export function chooseMac(driver: AnyDriver, asked: string | undefined, endpoint: Addressed): Pick<Endpoint, "mac"> {
  if (driver.traits.sharedMac !== true) return { mac: asked === undefined ? derivedMac(endpoint) : parseMac(asked) };
  if (asked === undefined) return {};
  throw new NetkitError("UNSUPPORTED", `interfaces of driver '${driver.name}' have the MAC of the link they lie on`, {
    hint: "Leave out the MAC address.",
    details: { mac: asked },
  });
}
