import { NetkitError } from "./errors.ts";
import { parseLinkName } from "./name.ts";
import { parsed, type Option } from "./option.ts";
import { quoted } from "./quoted.ts";

/** Settings of an interface by their dotted names, `IFNAME` for the interface: `net.ipv4.conf.IFNAME.log_martians`. */
export type InterfaceSysctls = Readonly<Record<string, string>>;

// A type, not an interface: only so it is an OptionSet.
export type CommonEndpointOptions = {
  readonly ifname: Option<string>;
  readonly sysctls: Option<InterfaceSysctls>;
};

/** Endpoint options that every network with interfaces has: the engine carries them out, no driver sees them. */
export const commonEndpointOptions: CommonEndpointOptions = {
  ifname: parsed("the interface's name in the sandbox", "NAME", parseLinkName, {
    aliases: ["com.docker.network.endpoint.ifname"],
  }),
  sysctls: parsed("settings of the interface", "net.FAMILY.conf.IFNAME.NAME=VALUE,...", parseSysctlList, {
    aliases: ["com.docker.network.endpoint.sysctls"],
  }),
};

function parseSysctlList(text: string): InterfaceSysctls {
  const pairs = text.split(",").map((part): [string, string] => {
    const at = part.indexOf("=");
    return at === -1 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
  });
  return parseInterfaceSysctls(Object.fromEntries(pairs));
}

/**
 * Checked settings of an interface: Docker's families, `IFNAME` in the interface's place, a value of one line.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseInterfaceSysctls(sysctls: InterfaceSysctls): InterfaceSysctls {
  for (const [name, value] of Object.entries(sysctls)) {
    const valid = /^net\.(?:ipv4|ipv6|mpls)\.[a-z0-9_]+\.IFNAME\.[a-z0-9_]+$/.test(name);
    if (valid && isSysctlValue(value)) continue;
    throw new NetkitError(
      "ARGUMENT_INVALID",
      valid
        ? `invalid value ${quoted(value)} of the sysctl ${name}`
        : `${quoted(name)} is no sysctl of an interface in net.ipv4, net.ipv6 or net.mpls`,
      { hint: "Write it as net.ipv4.conf.IFNAME.log_martians=1, IFNAME as it is.", details: { name, value } },
    );
  }
  return sysctls;
}

/**
 * Checked settings of a network namespace by their dotted names: `net.ipv4.ip_unprivileged_port_start`.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseNamespaceSysctls(sysctls: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(sysctls)) {
    const valid = /^net(?:\.[a-z0-9_-]+){2,}$/.test(name);
    if (valid && isSysctlValue(value)) continue;
    throw new NetkitError(
      "ARGUMENT_INVALID",
      valid ? `invalid value ${quoted(value)} of the sysctl ${name}` : `${quoted(name)} is no sysctl of a namespace`,
      {
        hint: "Write it as net.ipv4.ip_unprivileged_port_start=80, or with IFNAME for that of an interface.",
        details: { name, value },
      },
    );
  }
  return sysctls;
}

/** One line of printable characters. */
function isSysctlValue(value: string): boolean {
  return /^[\x20-\x7e\t]{1,200}$/.test(value) && value.trim() !== "";
}
