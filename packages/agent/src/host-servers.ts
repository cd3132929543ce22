import { statSync } from "node:fs";
import type { Ip } from "@netkit/core";
import { parseResolvConf, readHostResolvConf } from "@netkit/sandbox";

/** The host's name servers, read again when its resolv.conf has changed. */
export class HostServers {
  #seen = "";
  #servers: readonly Ip[] = [];

  /** Those on loopback included. */
  get(): readonly Ip[] {
    const stamp = stampOf("/etc/resolv.conf") + stampOf("/run/systemd/resolve/resolv.conf");
    if (stamp !== this.#seen) {
      this.#seen = stamp;
      this.#servers = parseResolvConf(readHostResolvConf()).servers as Ip[];
    }
    return this.#servers;
  }
}

/** Differs whenever the file does; a link is followed. */
function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "-" : `${stat.dev}.${stat.ino}.${stat.mtimeNs}.${stat.size}`;
}
