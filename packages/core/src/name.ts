import { NetkitError } from "./errors.ts";
import { quoted } from "./quoted.ts";

/** Docker's grammar of names, with a length that fits every place a name goes to. */
const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** Whether a network, a sandbox or an alias can be called so. */
export function isName(name: string): boolean {
  return pattern.test(name);
}

/**
 * `name`, checked: a letter or digit, then letters, digits, `_`, `.` and `-`; at most 128.
 * @throws NetkitError NAME_INVALID
 */
export function parseName(what: "network" | "sandbox" | "pod" | "alias", name: string): string {
  if (!isName(name)) {
    throw new NetkitError("NAME_INVALID", `invalid ${what} name ${quoted(name)}`, {
      hint: "A name starts with a letter or digit and holds letters, digits, '_', '.' and '-', 128 at most.",
      details: { name },
    });
  }
  return name;
}

/** The kernel has settings of these names beside those of links (net/ipv4/conf/all), and refuses links called so. */
const reservedLinkNames: readonly string[] = [".", "..", "all", "default"];

/**
 * `name`, checked: a link name that the kernel takes (dev_valid_name, net/core/dev.c) and that means nothing else to
 * a shell, nft, ip or sysctl.
 * @throws NetkitError NAME_INVALID
 */
export function parseLinkName(name: string): string {
  if (!/^[a-zA-Z0-9_.+@][a-zA-Z0-9_.+@-]{0,14}$/.test(name) || reservedLinkNames.includes(name)) {
    throw new NetkitError("NAME_INVALID", `invalid interface name ${quoted(name)}`, {
      hint: "An interface name is 1 to 15 letters, digits, '_', '.', '+', '@' and '-', and isn't 'all' or 'default'.",
      details: { name },
    });
  }
  return name;
}

/**
 * The same of a link of the host, which rules name: to iptables one that ends in '+' stands for all that begin so.
 * @throws NetkitError NAME_INVALID
 */
export function parseHostLinkName(name: string): string {
  if (name.endsWith("+")) {
    throw new NetkitError("NAME_INVALID", `invalid interface name ${quoted(name)} of the host`, {
      hint: "Name it otherwise: to iptables a name that ends in '+' stands for all interfaces whose names begin so.",
      details: { name },
    });
  }
  return parseLinkName(name);
}

/**
 * The same, or the beginning of the names of several links with `*` behind it.
 * @throws NetkitError NAME_INVALID
 */
export function parseHostLinks(name: string): string {
  if (!name.endsWith("*")) return parseHostLinkName(name);
  parseHostLinkName(name.slice(0, -1));
  return name;
}
