/**
 * The first words of a command that is to run on a host of its own: its links, routes, rules, named namespaces and
 * netkit's state are not the machine's, and go with the last process.
 */
export const privateHost: readonly string[] = [
  ..."unshare --net --mount --propagation private -- sh -c".split(" "),
  `for folder in /run/netns /etc/netns /run/netkit /run/flannel /var/lib/netkit; do mkdir -p $folder && mount -t tmpfs tmpfs $folder || exit; done
   ip link set lo up && exec "$@"`,
  "sh",
];
