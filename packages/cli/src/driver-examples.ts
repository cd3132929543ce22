/** How networks of the drivers that come with netkit are made, where it differs from those of `bridge`: lines, and what they do. */
export const driverExamples: Readonly<Record<string, readonly (readonly [line: string, summary: string])[]>> = {
  routed: [
    ["netkit network create -d routed --subnet 10.9.0.0/16 many", "For more sandboxes than a bridge has ports, 1,023"],
  ],
  overlay: [
    ["netkit network create -d overlay web", "For all hosts of the store of 'netkit agent --store'"],
    ["netkit network create -d overlay --subnet 10.9.0.0/24 -o vni=5000-5999 db", "Subnet and identifiers by hand"],
  ],
  flannel: [
    ["netkit network create -d flannel -o store=etcd://10.1.0.1:2379 -o iface=eth1 pods", "As flanneld on other hosts"],
  ],
  macvlan: [
    [
      "netkit network create -d macvlan --subnet 192.0.2.0/24 --ip-range 192.0.2.128/25 -o parent=eth0 lan",
      "On the wire of eth0, with half of its addresses",
    ],
  ],
  ipvlan: [
    [
      "netkit network create -d ipvlan --subnet 192.0.2.0/24 --ip-range 192.0.2.128/25 -o parent=eth0 lan",
      "On the wire of eth0, by its MAC",
    ],
    [
      "netkit network create -d ipvlan --subnet 198.51.100.0/24 -o parent=eth1 -o mode=l3 routed",
      "Routed, without broadcast",
    ],
  ],
};
