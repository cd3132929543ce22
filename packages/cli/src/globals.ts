import type { FirewallBackend } from "@netkit/engine";
import type { CommandOptions, OptionValues } from "./command.ts";

const firewalls: readonly FirewallBackend[] = ["auto", "nftables", "iptables", "none"];

/** Options of every command. */
export const globalOptions = {
  root: { value: "DIR", summary: "State directory (NETKIT_ROOT; default /var/lib/netkit)", complete: "path" },
  config: {
    value: "FILE",
    summary: "Configuration file (NETKIT_CONFIG; default /etc/netkit/netkit.json)",
    complete: "path",
  },
  firewall: {
    value: "BACKEND",
    summary: "Firewall: auto, nftables, iptables or none (NETKIT_FIREWALL)",
    complete: ["auto", "nftables", "iptables", "none"],
  },
  json: { summary: "Print results and errors as JSON" },
  "no-color": { summary: "No colour (as NO_COLOR; FORCE_COLOR forces it)" },
  help: { short: "h", summary: "Show help, with examples" },
} as const;

/** Stands before a command only. */
export const versionOption = { version: { short: "v", summary: "Show the version" } } as const;

/** Options of every command that changes something. */
export const changeOptions = {
  "dry-run": { summary: "Show the plan and change nothing" },
  explain: {
    summary:
      "Print the plan as ip, nft and sysctl commands and change nothing; made-up names differ each time (-o name= fixes a bridge's)",
  },
  timings: { summary: "Show the time of each step and kernel request on stderr" },
} as const;

export type Globals = OptionValues<typeof globalOptions & typeof changeOptions>;

globalOptions satisfies CommandOptions;
changeOptions satisfies CommandOptions;

export function isFirewall(text: string): text is FirewallBackend {
  return (firewalls as readonly string[]).includes(text);
}
