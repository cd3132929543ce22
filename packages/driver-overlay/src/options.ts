import { integer, mtuOption, parsed, type Option, type PortRange } from "@netkit/core";
import { areaOptions, spoofCheck, type AreaOptions, type GuardOptions } from "@netkit/core/bridged";

// A type, not an interface: only so it is an OptionSet.
export type OverlayOptions = AreaOptions &
  GuardOptions & {
    readonly vni: Option<PortRange>;
    readonly port: Option<number> & { readonly default: number };
    readonly mtu: Option<number>;
  };

/** As in Docker: those below are left to whoever numbers networks by hand, flannel's 1 among them. */
export const anyVni: PortRange = { first: 4096, last: 0xff_ff_ff };

/** Each has the name that Docker knows it by as an alias, if it has one. */
export const networkOptions: OverlayOptions = {
  vni: parsed(
    `the VXLAN network identifier, or those to take a free one of (default: ${anyVni.first}-${anyVni.last})`,
    "VNI[-VNI]",
    parseVnis,
    { aliases: ["com.docker.network.driver.overlay.vxlanid_list"] },
  ),
  port: integer(
    "the UDP port of the tunnels, on all hosts alike",
    { min: 1, max: 65_535, value: "PORT" },
    // RFC 7348, section 8.
    { default: 4789 },
  ),
  mtu: mtuOption(
    "MTU of the bridge and of the sandboxes' interfaces (default: the underlay's less the tunnel's 50 bytes, 70 over IPv6)",
  ),
  ...areaOptions,
  ...spoofCheck(false),
};

function parseVnis(text: string): PortRange {
  if (text.includes(",")) {
    // As Docker's list, which has one for each subnet.
    throw new TypeError("expected one number, or a range: a network has one VNI, whatever its subnets");
  }
  const [, from = "", to = from] = /^([1-9][0-9]{0,7})(?:-([1-9][0-9]{0,7}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (first < 1 || last < first || last > anyVni.last) {
    throw new TypeError(`expected one number from 1 to ${anyVni.last}, or a range: 5000-5999`);
  }
  return { first, last };
}
