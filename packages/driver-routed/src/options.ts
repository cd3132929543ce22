import { mtuOption, parsed, parseIp, type Ip, type Option } from "@netkit/core";
import { areaOptions, type AreaOptions } from "@netkit/core/bridged";

// A type, not an interface: only so it is an OptionSet.
export type RoutedOptions = AreaOptions & {
  readonly mtu: Option<number>;
  readonly "host-address": Option<Ip>;
};

/** Each has the name that Docker knows it by of its bridges as an alias. */
export const networkOptions: RoutedOptions = {
  mtu: mtuOption("MTU of the sandboxes' interfaces (default: the uplink's)"),
  ...areaOptions,
  "host-address": parsed("where ports are published that name no host address (default: everywhere)", "IP", parseIp, {
    aliases: ["com.docker.network.bridge.host_binding_ipv4"],
  }),
};
