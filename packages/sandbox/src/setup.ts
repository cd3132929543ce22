/**
 * What runs between `unshare --mount --uts` and the user's command, inside the child: it makes the sandbox's view of
 * /sys, /etc and the hostname, then becomes the command. Everything it needs comes as arguments:
 *
 *     mount(8) | "sysfs" or "" | hostname or "" | domain name or "" | directory of files | variables to unset | file names... -- command...
 *
 * Mounts run side by side, because a process each is what they cost. What goes wrong is written to descriptor 3, which
 * the command doesn't get; status 125 is what `docker run` uses when it fails itself.
 *
 * A fresh sysfs shows the links of the network namespace that it is mounted in. /sys/fs (cgroup, bpf) is carried over,
 * since runtimes read their limits there. A kernel or container that allows no such mount is no reason to fail.
 */
export const setupScript = `
netkit_mount=$1 netkit_sysfs=$2 netkit_hostname=$3 netkit_domain=$4 netkit_directory=$5 netkit_unset=$6 netkit_jobs=
shift 6
if [ -n "$netkit_sysfs" ]; then
  (cd /sys/fs && "$netkit_mount" -nc -t sysfs netkit /sys && exec "$netkit_mount" -nc --rbind . /sys/fs) >/dev/null 2>&1 &
fi
while [ "$1" != -- ]; do
  "$netkit_mount" -n --bind "$netkit_directory/$1" "/etc/$1" >&3 2>&3 &
  netkit_jobs="$netkit_jobs $!"
  shift
done
shift
if [ -n "$netkit_hostname" ]; then
  { printf %s "$netkit_hostname" >/proc/sys/kernel/hostname; } 2>&3 || exit 125
fi
if [ -n "$netkit_domain" ]; then
  { printf %s "$netkit_domain" >/proc/sys/kernel/domainname; } 2>&3 || exit 125
fi
for netkit_job in $netkit_jobs; do wait "$netkit_job" || exit 125; done
wait
unset netkit_mount netkit_sysfs netkit_hostname netkit_domain netkit_directory netkit_jobs netkit_job $netkit_unset netkit_unset
exec "$@" 3>&-
`;

/** Variables that a shell exports of its own accord; where the user's environment has none, none may arrive. */
const invented = ["PWD", "OLDPWD", "SHLVL", "_"];

/** Names that a shell drops, sets anew or that the script uses. */
const distorted = /^(?:IFS|OPTIND|PPID|netkit_.*)$|^(?![A-Za-z_][A-Za-z0-9_]*$)/s;

/** The names among {@link invented} that `env` doesn't have, as one argument. */
export function inventedVariables(env: NodeJS.ProcessEnv): string {
  return invented.filter((name) => env[name] === undefined).join(" ");
}

/** `NAME=value` of the variables that don't survive a POSIX shell (`a.b`, IFS): env(1) puts them back. */
export function distortedVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && distorted.test(name) ? [`${name}=${value}`] : [],
  );
}
