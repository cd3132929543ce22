#!/bin/sh
# mmdebstrap's essential hook, before the kernel is installed: an initramfs made once, of what a virtual machine's disk needs.
# usage: prepare.sh ROOT
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=lz4\n' >"$1/etc/initramfs-tools/conf.d/netkit"
printf 'virtio_pci\nvirtio_blk\nvirtio_net\next4\n' >"$1/etc/initramfs-tools/modules"
