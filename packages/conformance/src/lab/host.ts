import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { spaceOf, type Space } from "./space.ts";

export interface HostOptions {
  /** A second namespace, the outside world: joined by a veth pair, the host's default routes go through it. */
  readonly outside?: boolean;
  /** net.bridge.bridge-nf-call-iptables and -ip6tables; default: as the kernel has it in a fresh namespace. */
  readonly bridgeNetfilter?: boolean;
}

/** A fresh network namespace that plays the host. */
export interface Host extends Space, AsyncDisposable {
  readonly name: string;
  /** The outside world, if asked for. Its addresses are {@link outsideIpv4} and {@link outsideIpv6}. */
  readonly outside: Space | undefined;
  /** Every namespace of this host, for {@link takeSnapshot}. */
  readonly spaces: Readonly<Record<string, Space>>;
}

/** TEST-NET-3 (RFC 5737) and the documentation prefix (RFC 3849). */
export const outsideIpv4 = "203.0.113.1";
export const outsideIpv6 = "2001:db8:99::1";
/** The host's own addresses on the way to the outside. */
export const hostIpv4 = "203.0.113.2";
export const hostIpv6 = "2001:db8:99::2";

/** Needs root, iproute2 and util-linux. Dispose it to remove it, by its exact name. */
export async function createHost({ outside = false, bridgeNetfilter }: HostOptions = {}): Promise<Host> {
  const name = `nkhost-${process.pid}-${randomBytes(4).toString("hex")}`;
  const outsideName = `${name}-out`;
  const names = outside ? [name, outsideName] : [name];
  const host = spaceOf(`/run/netns/${name}`);
  const beyond = outside ? spaceOf(`/run/netns/${outsideName}`) : undefined;
  const remove = async (): Promise<void> => {
    for (const made of names) await execa("ip", ["netns", "del", made], { reject: false });
  };
  try {
    for (const made of names) await execa("ip", ["netns", "add", made]);
    await host.shell(
      `ip link set lo up\n${bridgeNetfilter === undefined ? "" : bridgeNetfilterScript(bridgeNetfilter)}`,
    );
    if (beyond !== undefined) {
      await host.shell(
        `ip link add up0 type veth peer name up0 netns ${outsideName}
         ip address add ${hostIpv4}/24 dev up0
         ip -6 address add ${hostIpv6}/64 dev up0 nodad
         ip link set up0 up`,
      );
      await beyond.shell(
        `ip link set lo up
         ip address add ${outsideIpv4}/24 dev up0
         ip -6 address add ${outsideIpv6}/64 dev up0 nodad
         ip link set up0 up`,
      );
      await host.shell(`ip route add default via ${outsideIpv4}\nip -6 route add default via ${outsideIpv6} dev up0`);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    ...host,
    name,
    outside: beyond,
    spaces: { host, ...(beyond === undefined ? {} : { outside: beyond }) },
    [Symbol.asyncDispose]: remove,
  };
}

/** Without the module br_netfilter nobody has bridged packets seen. It isn't loaded for this: the machine's own bridges would change. */
function bridgeNetfilterScript(on: boolean): string {
  return ["iptables", "ip6tables"]
    .map((program) => `/proc/sys/net/bridge/bridge-nf-call-${program}`)
    .map((sysctl) => `[ ! -e ${sysctl} ] || echo ${on ? 1 : 0} > ${sysctl}\n`)
    .join("");
}
