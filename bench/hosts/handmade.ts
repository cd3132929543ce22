import { createHost, type Host } from "@netkit/testing";

/** A sandbox on one host, and what is known of it on the others. */
interface Box {
  readonly namespace: Host;
  readonly address: string;
  readonly mac: string;
  readonly vtep: string;
}

const vni = 77;
const prefixLength = 24;

/** What sandboxes have of netkit's firewall on an overlay network, in as few rules as one network alone can be written in. */
export const servicesByHand = `nft 'table inet byhand {
  chain forwarded {
    type filter hook forward priority filter;
    ct state established,related accept; iifname br0 oifname br0 accept; oifname br0 drop;
  };
  chain leaving { type nat hook postrouting priority srcnat; ip saddr 10.66.0.0/24 oifname != br0 masquerade; };
}'`;

/** In the same table. */
export const untrackedByHand = `nft 'table inet byhand {
  chain received { type filter hook prerouting priority raw; udp dport 4789 notrack; };
  chain sent { type filter hook output priority raw; udp dport 4789 notrack; };
}'`;

/**
 * A VXLAN between two hosts with a sandbox on each, by ip and bridge alone: the links, flags and entries that netkit makes, and
 * nothing else. @returns their namespaces and addresses
 */
export async function joinByHand(
  hosts: readonly [Host, Host],
  vteps: readonly [string, string],
  mtu: number,
): Promise<readonly [Box, Box]> {
  const box = async (index: 0 | 1): Promise<Box> => ({
    namespace: await createHost(),
    address: `10.66.0.${index + 2}`,
    mac: `02:6e:0a:42:00:0${index + 2}`,
    vtep: vteps[index],
  });
  const boxes = [await box(0), await box(1)] as const;
  for (const index of [0, 1] as const) {
    const [own, other, host] = [boxes[index], boxes[1 - index] ?? boxes[0], hosts[index]];
    await host.shell(`
      ip link add name br0 address 02:6e:00:00:00:01 mtu ${mtu} type bridge
      ip link add name vx0 mtu ${mtu} type vxlan id ${vni} dstport 4789 local ${own.vtep} nolearning
      ip link set vx0 master br0
      bridge link set dev vx0 learning off flood off neigh_suppress on
      ip link set br0 up
      ip link set vx0 up
      ip link add name box mtu ${mtu} type veth peer name eth0 address ${own.mac} mtu ${mtu} netns ${own.namespace.name}
      ip link set box master br0 up
      ip neighbour replace ${other.address} lladdr ${other.mac} nud permanent dev br0
      bridge fdb add ${other.mac} dev vx0 dst ${other.vtep} self permanent
      bridge fdb add ${other.mac} dev vx0 master static`);
    await own.namespace.shell(`ip address add ${own.address}/${prefixLength} dev eth0\nip link set eth0 up`);
  }
  return boxes;
}
