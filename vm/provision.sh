#!/bin/sh
# Runs as root in each machine, whenever it starts; /opt/netkit is what guest.ts has put together.
set -eu

if ! command -v conntrack >/dev/null || ! command -v rsync >/dev/null; then # a box that isn't ours
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install --yes --no-install-recommends iproute2 nftables libnftables1 iptables conntrack procps iputils-ping \
    python3-minimal curl tcpdump rsync
fi

# Bridged packets pass the firewall, as on a machine that has Docker, and the sysctls of it are there.
modprobe br_netfilter

# Links, for programs find what is beside them by their own path.
for program in /opt/netkit/bin/* /opt/netkit/netkit/node_modules/.bin/netkit; do
  ln -sf "$program" "/usr/local/bin/$(basename "$program")"
done

# Tests are root, and run more commands at once than sshd has a connection carry.
install -d -m 700 /root/.ssh
install -m 600 /opt/netkit/authorized_keys /root/.ssh/authorized_keys
if [ ! -e /etc/ssh/sshd_config.d/netkit.conf ]; then
  printf 'PermitRootLogin prohibit-password\nMaxSessions 200\nMaxStartups 100\nUseDNS no\n' >/etc/ssh/sshd_config.d/netkit.conf
  systemctl reload ssh
fi

# 192.0.2.11 is 2001:db8:c0::11.
number=$(ip -4 -brief address show dev eth1 | sed -n 's/.* 192\.0\.2\.\([0-9]*\)\/.*/\1/p')
ip -6 address replace "2001:db8:c0::$number/64" dev eth1 nodad
