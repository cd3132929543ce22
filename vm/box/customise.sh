#!/bin/sh
# mmdebstrap's customise hook: what makes the system a box. usage: customise.sh ROOT PUBLIC_KEY
set -eu
root=$1 public_key=$2

for module in bridge macvlan ipvlan 8021q dummy vxlan veth ifb nf_tables br_netfilter wireguard; do
  find "$root"/lib/modules -name "$module.ko*" | grep -q . || { echo "the kernel has no module $module" >&2; exit 1; }
done

chroot "$root" useradd --create-home --shell /bin/bash vagrant
install -D -m 440 /dev/stdin "$root/etc/sudoers.d/vagrant" <<X
vagrant ALL=(ALL) NOPASSWD: ALL
X
install -d -m 700 "$root/home/vagrant/.ssh"
install -m 600 "$public_key" "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant
echo 'UseDNS no' >"$root/etc/ssh/sshd_config.d/vagrant.conf"

echo netkit >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 netkit\n::1 localhost\n' >"$root/etc/hosts"
printf 'auto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet dhcp\n' >"$root/etc/network/interfaces"
echo '/dev/vda1 / ext4 defaults,noatime,nobarrier 0 1' >"$root/etc/fstab"
: >"$root/etc/machine-id"

# Emulated, every service and every line of a log is seconds.
install -D -m 644 /dev/stdin "$root/etc/systemd/journald.conf.d/netkit.conf" <<X
[Journal]
Storage=volatile
X
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  getty@tty1.service; do
  ln -s /dev/null "$root/etc/systemd/system/$unit"
done

mkdir "$root/boot/extlinux"
cat >"$root/boot/extlinux/extlinux.conf" <<X
DEFAULT debian
PROMPT 0
TIMEOUT 1
LABEL debian
 LINUX /vmlinuz
 INITRD /initrd.img
 APPEND root=/dev/vda1 rw quiet console=ttyS0 net.ifnames=0 mitigations=off nokaslr tsc=reliable
X
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
