import { arch } from "node:process";

/** The version of netavark whose command line and JSON are spoken. */
const netavarkVersion = "2.1.0";

/** What `version` prints; netkit's own version stands where Podman shows it to people. */
export function versionInfo(netkit: string): Record<string, string> {
  return {
    version: netavarkVersion,
    commit: `netkit ${netkit}`,
    build_time: "",
    target: `${arch === "x64" ? "x86_64" : arch}-linux-netkit`,
    default_fw_driver: "nftables",
  };
}

export function versionLine(netkit: string): string {
  return `netavark ${netavarkVersion} (netkit ${netkit})`;
}
