import { flag, isDriverFile, parsed, parseHostLinkName, parseIp, type Ip, type Option } from "@netkit/core";
import { spoofCheck, type GuardOptions } from "@netkit/core/bridged";

// A type, not an interface: only so it is an OptionSet.
export type FlannelOptions = GuardOptions & {
  readonly store: Option<string> & { readonly default: string };
  readonly prefix: Option<string> & { readonly default: string };
  readonly iface: Option<string>;
  readonly "public-ip": Option<Ip>;
  readonly "public-ipv6": Option<Ip>;
  readonly "subnet-file": Option<string> & { readonly default: string };
  readonly masquerade: Option<boolean> & { readonly default: boolean };
};

/** Called as flanneld calls them where it has them; what all hosts have in common is in flannel's own configuration. */
export const networkOptions: FlannelOptions = {
  store: parsed("where flannel keeps its records", "URL", parseStore, { default: "etcd://127.0.0.1:2379" }),
  prefix: parsed("what their keys begin with", "PREFIX", parsePrefix, {
    aliases: ["etcd-prefix"],
    default: "/coreos.com/network",
  }),
  iface: parsed(
    "the link that other hosts reach this one by (default: that of the default route)",
    "LINK",
    parseHostLinkName,
    {},
  ),
  "public-ip": parsed("the address that they reach it at (default: the link's first)", "IP", parseIpv4, {}),
  "public-ipv6": parsed("the IPv6 address that they reach it at (default: the link's first)", "IP", parseIpv6, {}),
  "subnet-file": parsed("the file that tells other programs of the lease", "PATH", parseFile, {
    default: "/run/flannel/subnet.env",
  }),
  masquerade: flag("whether sandboxes reach the outside of flannel's network with the host's address", {
    aliases: ["ip-masq"],
    default: true,
  }),
  ...spoofCheck(false),
};

function parseStore(text: string): string {
  if (/^etcds?:\/\//.test(text)) return text;
  throw new TypeError("flannel is on etcd: write etcd://HOST:2379, as for 'netkit agent --store'");
}

function parsePrefix(text: string): string {
  const prefix = text.replace(/\/+$/, "");
  if (/^\/[\x21-\x7e]+$/.test(prefix)) return prefix;
  throw new TypeError("expected a path such as /coreos.com/network");
}

function parseIpv4(text: string): Ip {
  const ip = parseIp(text);
  if (!ip.includes(":")) return ip;
  throw new TypeError("expected an IPv4 address");
}

function parseIpv6(text: string): Ip {
  const ip = parseIp(text);
  if (ip.includes(":")) return ip;
  throw new TypeError("expected an IPv6 address");
}

function parseFile(text: string): string {
  if (isDriverFile(text)) return text;
  throw new TypeError("expected a file in a folder below /run, such as /run/flannel/subnet.env");
}
