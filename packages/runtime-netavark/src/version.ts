import { arch } from "node:process";

/** The version of netavark whose command line and JSON are spoken. */
const netavarkVersion = "2.1.0";

export interface Version {
  readonly netkit: string;
  readonly built: string;
}

/** What `version` prints. */
export function versionInfo({ netkit, built }: Version): Record<string, string> {
  return {
    version: netavarkVersion,
    commit: `netkit ${netkit}`,
    build_time: built,
    target: `${arch === "x64" ? "x86_64" : arch}-linux-netkit`,
    default_fw_driver: "nftables",
  };
}

export function versionLine({ netkit }: Version): string {
  return `netavark ${netavarkVersion} (netkit ${netkit})`;
}
