import { mkdirSync } from "node:fs";
import { findProgram } from "@netkit/testing";
import { addressOf, portMappings, type Box, type Contender, type Entry, type Program } from "./contender.ts";
import { inNamespaces } from "./namespaces.ts";
import { run, said, versionIn } from "./run.ts";

/** A backend of Podman's, told what Podman would: a container with an address on one network, without names. */
export async function backendContender(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Contender> {
  const network = {
    name: "podman7",
    id: "beac".repeat(16),
    driver: "bridge",
    network_interface: "podman7",
    subnets: [{ subnet: "10.90.0.0/16", gateway: "10.90.0.1" }],
    ipam_options: { driver: "host-local" },
    dns_enabled: false,
    internal: false,
    ipv6_enabled: false,
  };
  const call = async (verb: string, box: Box): Promise<void> => {
    const ports = portMappings(box).map(({ host, box: inner, count }) => ({
      host_ip: "",
      host_port: host,
      container_port: inner,
      protocol: "tcp",
      range: count,
    }));
    const name = `box-${box.number}`;
    const input = JSON.stringify({
      container_id: name,
      container_name: name,
      networks: { podman7: { static_ips: [addressOf("10.90", box)], interface_name: "eth0" } },
      network_info: { podman7: network },
      port_mappings: ports,
    });
    await run([...words, verb, box.path], { input, env: { ...process.env, ...env } });
  };
  return await inNamespaces(
    {
      attach: async (box) => await call("setup", box),
      detach: async (box) => await call("teardown", box),
    },
    (box) => addressOf("10.90", box),
  );
}

function program(): string | undefined {
  return findProgram("netavark", "usr/lib/podman");
}

/** Podman's own, for itself: without Podman, and without aardvark-dns. */
export function netavark(firewall: "nftables" | "iptables"): Entry {
  return {
    find: () => {
      const path = program();
      if (path === undefined) return { missing: "no /usr/lib/podman/netavark (Debian: netavark)" };
      const version = versionIn(said(path, "--version") ?? "");
      if (firewall === "nftables" && /^1\.[0-9]\.|^0\./.test(version))
        return { missing: `${version} has only iptables` };
      if (firewall === "iptables" && !/^[01]\./.test(version)) return { missing: `${version} has only nftables` };
      return { version };
    },
    start: async () => {
      const folder = "/run/bench/netavark";
      mkdirSync(folder, { recursive: true });
      const options = ["--config", folder, "--rootless", "false", "--aardvark-binary", "/nonexistent"];
      const contender = await backendContender([program() ?? "", ...options], { NETAVARK_FW: firewall });
      const podman = firewall === "nftables" ? podmanProgram() : undefined;
      return podman === undefined ? contender : { ...contender, program: podman };
    },
  };
}

/** What has netavark do it, where this machine has that; its state is in memory. */
function podmanProgram(): Program | undefined {
  const version = said("podman", "--version");
  if (version === undefined) return undefined;
  const folder = "/run/bench/podman";
  const podman = ["podman", "--root", `${folder}/root`, "--runroot", `${folder}/run`, "--tmpdir", `${folder}/tmp`];
  const words = { version: ["podman", "--version"], list: [...podman, "network", "ls"] };
  return { name: "podman", version: versionIn(version), words };
}
