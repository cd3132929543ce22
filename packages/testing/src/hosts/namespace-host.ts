import { folders, Host, type Place } from "./host.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";

/**
 * The first process of a host in namespaces, which all else of it ends with: when it is killed, or when its input ends, as
 * it does with whoever started it. It says its pid as the machine counts, before it sees its own /proc.
 */
const first = `
read -r outer rest < /proc/self/stat
mount -t proc proc /proc
for folder in ${folders.join(" ")}; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
echo "$1" > /proc/sys/kernel/hostname
# Nobody is asked for names that are none here.
mount --bind /dev/null /etc/resolv.conf
ip link set lo up
echo "outer $outer"
# Nobody waits for those that lose their parent: they are gone when they end.
exec env --ignore-signal=CHLD cat`;

/** What joins a new host's network namespace to the segment: it makes its link, on the machine. */
type Join = (host: { readonly pid: number; readonly link: string }) => Promise<unknown>;

/** A host with its own mounts, hostname and processes, on a machine whose programs and other files it shares. */
export class NamespaceHost extends Host implements AsyncDisposable {
  readonly #outside: Machine;
  readonly #holder: Process;
  /** Opens its network namespace on the machine. */
  readonly network: string;

  private constructor(outside: Machine, inside: Machine, place: Place, holder: Process, network: string) {
    super(inside, place);
    this.#outside = outside;
    this.#holder = holder;
    this.network = network;
  }

  /** @param join without it the host has the machine's network, with that link and those addresses */
  static async open(machine: Machine, place: Place, join?: Join): Promise<NamespaceHost> {
    const kinds = `${join === undefined ? "" : "--net "}--mount --uts --pid`.split(" ");
    const unshare = ["unshare", ...kinds, ..."--fork --kill-child --propagation private -- sh -ec".split(" ")];
    await using stack = new AsyncDisposableStack();
    const holder = stack.use(machine.start([...unshare, first, "sh", place.name]));
    const pid = Number((await holder.until(/^outer /)).slice("outer ".length));
    const inside = machine.through(place.name, ["nsenter", `--target=${pid}`, ...kinds, "--"]);
    const host = new NamespaceHost(machine, inside, place, holder, `/proc/${pid}/ns/net`);
    if (join !== undefined) {
      await join({ pid, link: place.link });
      await host.shell(
        `ip address add ${place.address}/24 dev ${place.link}
         ip -6 address add ${place.address6}/64 dev ${place.link} nodad
         ip link set ${place.link} up`,
      );
    }
    stack.move();
    return host;
  }

  override async die(): Promise<void> {
    // The kernel takes its time to remove the network of those that are gone.
    const down = `nsenter --net=${this.network} -- ip link set ${this.link} down`;
    await this.#outside.run(["sh", "-c", `${down}; kill -KILL ${await this.#holder.pid()}`]);
    await this.#holder.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.kill("SIGKILL");
  }
}
