// A host that runs flanneld, played: its record as flannel writes it, its kernel as flannel sets it up, by etcdctl and ip alone.
import { createHost, etcdPrograms, type Host } from "@netkit/testing";
import { serverAddress, type Segment } from "./sharing-hosts.ts";

const etcdctl = etcdPrograms?.etcdctl ?? "etcdctl";
const prefix = "/coreos.com/network";

/** What etcdctl prints, run beside the server. */
export async function flannelctl({ wire }: Segment, ...words: readonly string[]): Promise<string> {
  const all = [etcdctl, `--endpoints=http://${serverAddress}:2379`, ...words];
  return (await wire.exec(["env", "ETCDCTL_API=3", ...all])).trim();
}

/** Writes flannel's configuration, as whoever sets up flannel does. */
export async function configure(segment: Segment, config: unknown): Promise<void> {
  await flannelctl(segment, "put", `${prefix}/config`, typeof config === "string" ? config : JSON.stringify(config));
}

/** The leases there are: key below `subnets/` -> value, as they stand in etcd. */
export async function leasesOf(segment: Segment): Promise<Record<string, string>> {
  const lines = (await flannelctl(segment, "get", `${prefix}/subnets/`, "--prefix")).split("\n");
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < lines.length; at += 2)
    pairs.push([(lines[at] ?? "").replace(`${prefix}/subnets/`, ""), lines[at + 1] ?? ""]);
  return Object.fromEntries(pairs);
}

/** Seconds that the lease of a key still has; undefined: it has none. */
export async function ttlOf(segment: Segment, key: string): Promise<number | undefined> {
  const json = await flannelctl(segment, "get", `${prefix}/subnets/${key}`, "--write-out=json");
  // More digits than a number has.
  const lease = /"lease":(\d+)/.exec(json)?.[1];
  if (lease === undefined) return undefined;
  const told = await flannelctl(segment, "lease", "timetolive", BigInt(lease).toString(16));
  return Number(/remaining\((-?\d+)s\)/.exec(told)?.[1]);
}

/** The leases that no key is under, but for those of a few seconds by which hosts are known to share etcd's networks: one that was killed leaves it. */
export async function idleLeases(segment: Segment): Promise<string[]> {
  const [, ...leases] = (await flannelctl(segment, "lease", "list")).split("\n");
  const told: string[] = [];
  for (const lease of leases) told.push(await flannelctl(segment, "lease", "timetolive", lease, "--keys"));
  return told.filter((one) => one.includes("attached keys([])") && !one.includes("TTL(15s)"));
}

interface PeerSetting {
  /** Of its subnet `10.5.<number>.0/24`. */
  readonly number: number;
  readonly publicIp: string;
  readonly backend: "vxlan" | "host-gw";
  /** Of its lease, in seconds; 0: a reservation. */
  readonly ttlS?: number;
  /** Beyond a router, not on the hosts' link. */
  readonly isFar?: boolean;
  readonly ipv6?: { readonly publicIp: string };
}

/** A host with flanneld, and a pod of it. */
export class FlannelPeer implements AsyncDisposable {
  readonly host: Host;
  readonly #segment: Segment;
  readonly #setting: PeerSetting;
  #lease = "";

  private constructor(segment: Segment, host: Host, setting: PeerSetting) {
    this.#segment = segment;
    this.host = host;
    this.#setting = setting;
  }

  static async start(segment: Segment, setting: PeerSetting): Promise<FlannelPeer> {
    const { number, publicIp, backend, isFar = false, ipv6 } = setting;
    const host = await createHost();
    const peer = new FlannelPeer(segment, host, setting);
    await segment.wire.shell(
      isFar
        ? `ip link add f${number} type veth peer name eth0 netns ${host.name}
           ip address add ${publicIp.replace(/\d+$/, "254")}/24 dev f${number}
           ip link set f${number} up
           echo 1 > /proc/sys/net/ipv4/ip_forward`
        : `ip link add f${number} type veth peer name eth0 netns ${host.name}; ip link set f${number} master wire up`,
    );
    await host.shell(
      `ip address add ${publicIp}/24 dev eth0
       ${ipv6 === undefined ? "" : `ip -6 address add ${ipv6.publicIp}/64 dev eth0 nodad`}
       ip link set eth0 up
       ${isFar ? `ip route add default via ${publicIp.replace(/\d+$/, "254")}` : ""}
       ip link add cni0 type bridge
       ip address add ${peer.pod}/24 dev cni0
       ${ipv6 === undefined ? "" : `ip -6 address add ${peer.pod6}/64 dev cni0 nodad`}
       ip link set cni0 up`,
    );
    if (backend === "vxlan") {
      await host.shell(
        `ip link add flannel.1 address ${peer.mac("66")} mtu 1450 type vxlan id 1 dev eth0 local ${publicIp} dstport 8472 nolearning
         ip address add 10.5.${number}.0/32 dev flannel.1
         ip link set flannel.1 up`,
      );
      if (ipv6 !== undefined)
        await host.shell(
          `ip link add flannel-v6.1 address ${peer.mac("67")} mtu 1450 type vxlan id 1 dev eth0 local ${ipv6.publicIp} dstport 8472 nolearning udp6zerocsumrx
           ip -6 address add fd00:5:0:${number}::/128 dev flannel-v6.1 nodad
           ip link set flannel-v6.1 up`,
        );
    }
    await peer.publish();
    return peer;
  }

  /** Addresses of a pod. */
  get pod(): string {
    return `10.5.${this.#setting.number}.7`;
  }

  get pod6(): string {
    return `fd00:5:0:${this.#setting.number}::7`;
  }

  /** The address that its host speaks with. */
  get base(): string {
    return `10.5.${this.#setting.number}.0`;
  }

  get key(): string {
    const { number, ipv6 } = this.#setting;
    return `10.5.${number}.0-24${ipv6 === undefined ? "" : `&fd00:5:0:${number}::-64`}`;
  }

  mac(family: "66" | "67"): string {
    return `c6:d2:32:6f:${family}:${this.#setting.number.toString(16).padStart(2, "0")}`;
  }

  /** The lease's value as flannel 0.28 writes it. */
  get value(): string {
    const { publicIp, backend, ipv6 } = this.#setting;
    const v6 = ipv6 === undefined ? "null" : `"${ipv6.publicIp}"`;
    const data = backend === "vxlan" ? `,"BackendData":{"VNI":1,"VtepMAC":"${this.mac("66")}"}` : "";
    const data6 =
      backend === "vxlan" && ipv6 !== undefined ? `,"BackendV6Data":{"VNI":1,"VtepMAC":"${this.mac("67")}"}` : "";
    return `{"PublicIP":"${publicIp}","PublicIPv6":${v6},"BackendType":"${backend}"${data}${data6}}`;
  }

  /** Takes its lease, or takes it again. */
  async publish(): Promise<void> {
    const { ttlS = 86_400 } = this.#setting;
    const words = ["put", `${prefix}/subnets/${this.key}`, this.value];
    if (ttlS === 0) return void (await flannelctl(this.#segment, ...words));
    const granted = await flannelctl(this.#segment, "lease", "grant", String(ttlS));
    this.#lease = /lease ([0-9a-f]+) granted/.exec(granted)?.[1] ?? "";
    await flannelctl(this.#segment, ...words, `--lease=${this.#lease}`);
  }

  /** Gives its lease up. */
  async withdraw(): Promise<void> {
    await flannelctl(this.#segment, "lease", "revoke", this.#lease);
  }

  /** Sets up its kernel for another host, by that one's record alone, as flannel does. */
  async learn(key: string, value: string, { direct = false } = {}): Promise<void> {
    const [, subnet, length, subnet6, length6] = /^([\d.]+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/.exec(key) ?? [];
    const record = JSON.parse(value) as {
      PublicIP: string;
      PublicIPv6: string | null;
      BackendType: string;
      BackendData?: { VNI: number; VtepMAC: string };
      BackendV6Data?: { VNI: number; VtepMAC: string };
    };
    if (record.BackendType !== this.#setting.backend) throw new Error(`flannel passes over ${value}`);
    if (direct || record.BackendData === undefined)
      return void (await this.host.shell(`ip route replace ${subnet}/${length} via ${record.PublicIP}`));
    await this.host.shell(
      `ip neigh replace ${subnet} lladdr ${record.BackendData.VtepMAC} dev flannel.1 nud permanent
       bridge fdb replace ${record.BackendData.VtepMAC} dev flannel.1 dst ${record.PublicIP} self permanent
       ip route replace ${subnet}/${length} via ${subnet} dev flannel.1 onlink`,
    );
    if (subnet6 !== undefined && record.BackendV6Data !== undefined)
      await this.host.shell(
        `ip neigh replace ${subnet6} lladdr ${record.BackendV6Data.VtepMAC} dev flannel-v6.1 nud permanent
         bridge fdb replace ${record.BackendV6Data.VtepMAC} dev flannel-v6.1 dst ${record.PublicIPv6} self permanent
         ip -6 route replace ${subnet6}/${length6} via ${subnet6} dev flannel-v6.1 onlink`,
      );
  }

  /** Whether a pod of it reaches an address, or the host itself does, by whatever address the way has. */
  async reaches(address: string, who: "pod" | "host" = "pod"): Promise<boolean> {
    const pod = address.includes(":") ? this.pod6 : this.pod;
    const from = who === "pod" ? ["-I", pod] : [];
    return await this.host.exec(["ping", "-n", "-q", "-c1", "-W2", ...from, address]).then(
      () => true,
      () => false,
    );
  }

  /** The host is gone, its record not. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}
