/** The rules of other tools, as they write them; what has nothing to do with forwarding is left out. */

/** dockerd with one network (docker0) and a port, as documented in moby's integration/network/bridge/iptablesdoc. */
export const docker = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-INTERNAL - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-INTERNAL
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
COMMIT
`;

/** ufw 0.36 with its defaults; its IPv6 chains are named ufw6-. */
export function ufw(version: 4 | 6): string {
  const [name, icmp] =
    version === 4 ? ["ufw", "icmp -m icmp --icmp-type 8"] : ["ufw6", "ipv6-icmp -m icmp6 --icmpv6-type 128"];
  const parts = ["before-logging", "before", "after", "after-logging", "reject", "track"];
  return `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:${name}-user-forward - [0:0]
:${name}-skip-to-policy-forward - [0:0]
${parts.map((part) => `:${name}-${part}-forward - [0:0]`).join("\n")}
${parts.map((part) => `-A FORWARD -j ${name}-${part}-forward`).join("\n")}
-A ${name}-after-logging-forward -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
${version === 6 ? `-A ${name}-before-forward -m rt --rt-type 0 -j DROP\n` : ""}\
-A ${name}-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ${name}-before-forward -p ${icmp} -j ACCEPT
-A ${name}-before-forward -j ${name}-user-forward
-A ${name}-skip-to-policy-forward -j DROP
COMMIT
`;
}

/** What `ufw route allow in on LINK` and `ufw route allow out on LINK` add in either family. */
export function ufwRoute(side: "in" | "out", link: string): string {
  const rule = `-${side === "in" ? "i" : "o"} ${link} -j ACCEPT`;
  return `iptables -A ufw-user-forward ${rule} && ip6tables -A ufw6-user-forward ${rule}`;
}

/** firewalld 1.3 with up0 in its zone public, which everything else falls into too. */
export const firewalld = `table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    meta l4proto { icmp, ipv6-icmp } accept
    reject with icmpx admin-prohibited
  }
  chain filter_OUTPUT {
    type filter hook output priority filter + 10; policy accept;
    ct state { established, related } accept
    oifname "lo" accept
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24 } reject with icmpv6 addr-unreachable
  }
  chain filter_FWD_public_allow {
    oifname "up0" accept
  }
  chain filter_FWD_public {
    jump filter_FWD_public_allow
    reject with icmpx admin-prohibited
  }
  chain filter_FWD_block {
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_ZONES {
    iifname "up0" goto filter_FWD_public
    goto filter_FWD_block
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24 } reject with icmpv6 addr-unreachable
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
}
`;

/** What `firewall-cmd --zone=trusted --add-interface=LINK` does about forwarding. */
export function firewalldTrust(link: string): string {
  return `nft 'add chain inet firewalld filter_FWD_trusted; add rule inet firewalld filter_FWD_trusted accept;
    insert rule inet firewalld filter_FORWARD_ZONES iifname "${link}" goto filter_FWD_trusted'`;
}
