import { NetkitError, parseIp } from "@netkit/core";
import type { SandboxRequest } from "@netkit/engine";
import type { OptionValues } from "./command.ts";
import { endpointRequest, type endpointOptions } from "./endpoint-request.ts";
import { parseNetworkOption } from "./network-option.ts";
import { optionValue } from "./option-value.ts";
import { parsePairs } from "./pairs.ts";

/** The options of a sandbox itself: of `run` and `sandbox create`, which take those of an endpoint as well. */
export const sandboxOptions = {
  name: { value: "NAME", summary: "Name; without it one is made up" },
  network: {
    value: "NETWORK",
    many: true,
    aliases: ["net"],
    summary: "Network: a name or id, container:SANDBOX, or name=NETWORK,ip=IP,alias=NAME,...",
    complete: "network",
  },
  hostname: { short: "h", value: "NAME", summary: "Hostname; default the sandbox's name" },
  domainname: { value: "NAME", summary: "Domain name, for the hostname's full form" },
  dns: { value: "IP", many: true, summary: "Name server" },
  "dns-search": { value: "DOMAIN", many: true, summary: "Search domain" },
  "dns-option": { value: "OPTION", many: true, aliases: ["dns-opt"], summary: "Resolver option" },
  "add-host": {
    value: "HOST:IP",
    many: true,
    summary: "Line of /etc/hosts; the IP host-gateway stands for the host",
  },
  label: { short: "l", value: "KEY=VALUE", many: true, summary: "Label" },
} as const;

/** @throws NetkitError ARGUMENT_INVALID, ADDRESS_INVALID */
export function sandboxRequest(
  options: OptionValues<typeof sandboxOptions & typeof endpointOptions>,
  defaultNetworks: readonly string[],
): SandboxRequest {
  const texts = options.network.length === 0 ? defaultNetworks : options.network;
  const networks = texts.map(parseNetworkOption);
  // As in Docker, these options are about the first network.
  const [ofInterface, ofNamespace] = [true, false].map((inner) =>
    options.sysctl.filter((text) => /\bIFNAME\b/.test(text.split("=")[0] ?? "") === inner),
  ) as [string[], string[]];
  const about = endpointRequest({ ...options, sysctl: ofInterface });
  const [first, ...others] = networks;
  if (first === undefined && Object.keys(about).length > 0) {
    throw new NetkitError("ARGUMENT_INVALID", "addresses, aliases and ports need a network", {
      hint: "Add --network NETWORK.",
    });
  }
  const twice = first === undefined ? [] : Object.keys(about).filter((key) => key in first && key !== "aliases");
  if (twice.length > 0) {
    throw new NetkitError("ARGUMENT_INVALID", `${twice.join(", ")} given twice: in --network and by an option`, {
      hint: "Say it in one place.",
    });
  }
  const aliases = [...(first?.aliases ?? []), ...(about.aliases ?? [])];
  const dns = {
    ...(options.dns.length === 0 ? {} : { servers: options.dns.map((text) => optionValue("--dns", text, parseIp)) }),
    ...(options["dns-search"].length === 0 ? {} : { search: options["dns-search"] }),
    ...(options["dns-option"].length === 0 ? {} : { options: options["dns-option"] }),
  };
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    networks:
      first === undefined ? [] : [{ ...first, ...about, ...(aliases.length === 0 ? {} : { aliases }) }, ...others],
    ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
    ...(options.domainname === undefined ? {} : { domainname: options.domainname }),
    ...(Object.keys(dns).length === 0 ? {} : { dns }),
    hosts: options["add-host"].map(parseHost),
    ...(ofNamespace.length === 0 ? {} : { sysctls: parsePairs("--sysctl", ofNamespace) }),
    labels: parsePairs("--label", options.label, ""),
  };
}

/** `name:address`, `name=address`, an IPv6 address with or without brackets, or `host-gateway`. */
function parseHost(text: string): { name: string; address: string } {
  const [, name, address] = /^([^:=]+)[:=]\[?([^\]]*)\]?$/.exec(text) ?? [];
  if (name === undefined || address === undefined) {
    throw new NetkitError("ARGUMENT_INVALID", `--add-host ${JSON.stringify(text)} is not HOST:IP`, {
      hint: "Write it as --add-host db:192.0.2.7.",
    });
  }
  return { name, address: address === "host-gateway" ? address : optionValue("--add-host", address, parseIp) };
}
