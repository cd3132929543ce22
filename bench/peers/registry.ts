/** All that take turns, in the order of the tables. */
export const contenders = [
  { id: "library", kind: "netkit", name: "netkit, library" },
  { id: "unguarded", kind: "netkit", name: "netkit, library, spoof-check=false" },
  { id: "agent", kind: "netkit", name: "netkit, agent's API" },
  { id: "cli", kind: "netkit", name: "netkit, command" },
  { id: "cni-plugin", kind: "netkit", name: "netkit, CNI plugin" },
  { id: "podman-backend", kind: "netkit", name: "netkit, netavark's place" },
  { id: "docker", kind: "peer", name: "Docker, API" },
  { id: "docker-cli", kind: "peer", name: "Docker, command" },
  { id: "netavark-nftables", kind: "peer", name: "netavark, nftables" },
  { id: "netavark-iptables", kind: "peer", name: "netavark, iptables" },
  { id: "cni-nftables", kind: "peer", name: "CNI bridge + portmap, nftables" },
  { id: "cni-iptables", kind: "peer", name: "CNI bridge + portmap, iptables" },
  { id: "floor", kind: "floor", name: "floor: bare requests" },
  { id: "floor-programs", kind: "floor", name: "floor: ip -batch, nft -f" },
] as const;

export type ContenderId = (typeof contenders)[number]["id"];
export type ContenderKind = (typeof contenders)[number]["kind"];
