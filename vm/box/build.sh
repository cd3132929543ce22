#!/usr/bin/env bash
# Builds a Debian box for vagrant-libvirt from the packages of this machine's own apt sources. As root, on Debian.
# usage: build.sh PUBLIC_KEY OUTPUT_FOLDER; gives OUTPUT_FOLDER/netkit.box, and vmlinuz and initrd.img beside it.
set -euo pipefail
recipe=$(dirname "$(realpath "$0")")
public_key=$(realpath "$1")
mkdir -p "$2"
output=$(realpath "$2")

# Not in memory, of which a tmpfs on /tmp would take as much as the disk holds.
work=$(mktemp --directory "$output/build-XXXXXX")
device=
clean_up() {
  ! mountpoint --quiet "$work/root" || umount "$work/root"
  [[ -z $device ]] || losetup --detach "$device"
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# What apt calls Debian, of however many sources: not this machine's other ones. apt knows its own addresses.
mapfile -t targets < <(
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' | sort --unique
)
if ((${#targets[@]} == 0)); then
  echo "build.sh: apt has no lists of Debian's packages here: run apt-get update, or use a finished box (VAGRANT_BOX)" >&2
  exit 1
fi
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
apt-config dump | grep '^Acquire::.*[Pp]roxy' >"$work/apt.conf" || true

# Of a box that only we use, nothing is to be read by people.
mmdebstrap --quiet --variant=minbase \
  --include="$(grep --invert-match '^#' "$recipe/packages" | paste --serial --delimiters=,)" \
  --aptopt="$work/apt.conf" --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook="$recipe/prepare.sh \"\$1\"" --customize-hook="$recipe/customise.sh \"\$1\" $public_key" \
  "$suite" "$work/root.tar" "${targets[@]/#/deb }"

# One partition, started by extlinux from its first sectors: nothing that boots it knows more than a BIOS.
disk=$work/disk.raw
first_sector=2048
truncate --size=8G "$disk"
echo "$first_sector,,L,*" | sfdisk --quiet "$disk"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
# As a device of its own: in a container nobody makes the nodes of partitions.
device=$(losetup --find --show --offset $((first_sector * 512)) "$disk")
# What extlinux can read.
mkfs.ext4 -q -O '^metadata_csum,^64bit' -L root "$device"
mkdir "$work/root"
mount "$device" "$work/root"
# With attributes, or ping has no capability.
tar --extract --file="$work/root.tar" --directory="$work/root" --xattrs --xattrs-include='*'
extlinux --install "$work/root/boot/extlinux" >"$work/extlinux.log" 2>&1 || { cat "$work/extlinux.log" >&2; exit 1; }
cp --dereference "$work/root/vmlinuz" "$output/vmlinuz"
cp --dereference "$work/root/initrd.img" "$output/initrd.img"
umount "$work/root"
losetup --detach "$device"
device=

qemu-img convert -O qcow2 "$disk" "$work/box.img"
echo '{ "provider": "libvirt", "format": "qcow2", "virtual_size": 8 }' >"$work/metadata.json"
echo 'Vagrant.configure("2") { |config| config.vm.provider(:libvirt) { |libvirt| libvirt.disk_bus = "virtio" } }' >"$work/Vagrantfile"
tar --create --use-compress-program='gzip -1' --file="$work/netkit.box" --directory="$work" metadata.json Vagrantfile box.img
mv "$work/netkit.box" "$output/netkit.box"
