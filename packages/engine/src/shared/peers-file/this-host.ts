import { familyOf, ipOf, NetkitError, type Cidr, type Ip } from "@netkit/core";
import { contains } from "@netkit/ipam";
import type { Opened } from "../../host.ts";
import type { SharedOptions } from "../../api.ts";
import { addressesAdvertised } from "../this-host.ts";
import type { FileHost, PeersFile } from "./reading.ts";

/**
 * The host of the file that this one is: it has the address that is advertised, or any of the file's.
 * @throws NetkitError CONFIG_INVALID: there is none, or several
 */
export function findSelf(
  { source, hosts }: PeersFile,
  host: Pick<Opened, "facts">,
  { advertise }: Pick<SharedOptions, "advertise">,
): FileHost {
  const own = advertise === undefined ? addressesOf(host) : addressesAdvertised(host, advertise);
  const [found, ...more] = [...hosts.values()].filter(({ vtep }) => own.includes(vtep));
  if (found !== undefined && more.length === 0) return found;
  const at = `${source.path}:${source.lineOf(["hosts"])}: hosts: `;
  if (found === undefined) throw notListed(source.path, at, own.filter(isTold));
  throw new NetkitError(
    "CONFIG_INVALID",
    `${at}this host has the addresses of ${[found, ...more].map(({ name }) => `'${name}'`).join(" and ")}`,
    { hint: "Say which it is: netkit agent --advertise ADDRESS", details: { path: source.path } },
  );
}

/** @throws NetkitError CONFIG_INVALID: the file, as it is now, has no host of that address */
export function requireListed({ source, hosts }: PeersFile, vtep: string): void {
  if (hosts.values().some((host) => host.vtep === vtep)) return;
  throw notListed(source.path, `${source.path}:${source.lineOf(["hosts"])}: hosts: `, [vtep]);
}

function notListed(path: string, at: string, own: readonly string[]): NetkitError {
  const whose = own.length === 1 ? `this host's address ${own[0]}` : `one of this host's addresses (${own.join(", ")})`;
  return new NetkitError("CONFIG_INVALID", `${at}none has ${whose}`, {
    hint: "List this host with the address that others reach it by, or name that with 'netkit agent --advertise'.",
    details: { path, addresses: own },
  });
}

const linkLocal = "fe80::/10" as Cidr;

function isTold(ip: Ip): boolean {
  return familyOf(ip) === "ipv4" || !contains(linkLocal, ip);
}

function addressesOf(host: Pick<Opened, "facts">): Ip[] {
  const { names = [] } = host.facts([{ fact: "links" }]);
  const { links } = host.facts([...names, "lo"].map((name) => ({ fact: "link", name })));
  return Object.values(links)
    .filter(({ ours }) => ours !== true)
    .flatMap(({ addresses }) => addresses.map(ipOf));
}
