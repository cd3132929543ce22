import { NetkitError } from "@netkit/core";
import type { OptionValues } from "./command.ts";

/** Options of `docker network create` that say something of Docker's swarm or of a choice that netkit doesn't have. */
export const swarmOptions = {
  attachable: { summary: "Accepted for Docker's sake, and not kept: sandboxes can be attached to every network" },
  ingress: { summary: "Refused: ingress networks are a part of Docker's swarm" },
  scope: { value: "SCOPE", summary: "Accepted for Docker's sake if it is local", complete: ["local"] },
  "ipam-driver": { value: "NAME", summary: "Accepted for Docker's sake if it is default", complete: ["default"] },
  "ipam-opt": { value: "KEY=VALUE", many: true, summary: "Refused: the IPAM that netkit has takes no options" },
} as const;

/** @throws NetkitError UNSUPPORTED */
export function refuseSwarm(options: OptionValues<typeof swarmOptions>): void {
  const { scope = "local", ingress } = options;
  const [ipam = "default", ipamOptions] = [options["ipam-driver"], options["ipam-opt"]];
  if (ingress) refuse("ingress", "ingress networks are a part of Docker's swarm", "Publish ports with -p instead.");
  if (scope !== "local")
    refuse(`scope ${scope}`, "a network is of one host, unless its driver says otherwise", "Leave the option out.");
  if (ipam !== "default") refuse(`ipam-driver ${ipam}`, "the built-in IPAM is the only one", "Leave the option out.");
  if (ipamOptions.length > 0)
    refuse("ipam-opt", "the built-in IPAM takes no options", "See --subnet, --ip-range, --gateway, --aux-address.");
}

/** Docker's `--opt encrypted`, which has no value. @throws NetkitError UNSUPPORTED */
export function refuseEncryption(driver: string, options: readonly string[]): void {
  if (driver !== "overlay" || !options.some((option) => /^encrypted(=|$)/.test(option))) return;
  const hint = "Leave it out, and have hosts advertise addresses on an encrypted underlay, such as WireGuard's.";
  refuse("opt encrypted", "tunnels of overlay networks aren't encrypted", hint);
}

function refuse(option: string, why: string, hint: string): never {
  throw new NetkitError("UNSUPPORTED", `netkit has no --${option}: ${why}`, { hint });
}
