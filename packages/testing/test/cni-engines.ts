import type { Host, Process } from "../src/hosts/index.ts";
import { referencePlugin } from "../src/servers/cni-plugins.ts";
import { findProgram } from "../src/servers/program.ts";
import { makeBox, removeCgroups } from "../src/box.ts";

const has = (...programs: readonly string[]): boolean => programs.every((name) => findProgram(name) !== undefined);

/** Whether this machine has the reference plugins: setup brings them. */
export const hasReferences: boolean = referencePlugin("loopback") !== undefined;

/** Whether it can run containerd with them. */
export const hasContainerd: boolean = hasReferences && has("containerd", "ctr", "runc", "busybox");

/** Whether it has libcni's own command. */
export const hasCnitool: boolean = hasReferences && has("cnitool");

/** What their containers' cgroups are under, for these are the machine's. */
const cgroup = "nktest-cni";

const folders = "/etc/cni /opt/cni /run/containerd /var/lib/cni /var/lib/engines".split(" ");
/** The files of a container. */
const box = "/var/lib/engines/box";

/** What lists of plugins have beside netkit's. */
const references = "loopback bridge host-local tuning firewall"
  .split(" ")
  .flatMap((name) => referencePlugin(name) ?? [])
  .join(" ");

/** Folders of the host's own for engines, netkit's plugins where they look for them, and the files of a container. */
export async function prepareEngines(host: Host, network: string): Promise<void> {
  await host.shell(
    `${folders.map((folder) => `mkdir -p ${folder}; mount -t tmpfs tmpfs ${folder}`).join("\n")}
     netkit cni install --network ${network} >&2
     cp ${references} /opt/cni/bin/`,
  );
  await makeBox(host, box);
  await host.shell(`mkdir ${box}/etc && echo nameserver 127.0.0.11 > ${box}/etc/resolv.conf`);
}

/** A real containerd on a host of its own, driven by `ctr`, which takes the first list of CNI plugins there is. */
export class Containerd implements AsyncDisposable {
  readonly #host: Host;
  readonly #containerd: Process;
  readonly #running: Process[] = [];

  private constructor(host: Host, containerd: Process) {
    this.#host = host;
    this.#containerd = containerd;
  }

  static async start(host: Host): Promise<Containerd> {
    const socket = "/run/containerd/containerd.sock";
    await host.write(
      "/var/lib/engines/containerd.toml",
      `version = 2
root = "/var/lib/engines/containerd"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
    );
    await using stack = new AsyncDisposableStack();
    const containerd = stack.use(host.start(["containerd", "--config", "/var/lib/engines/containerd.toml"]));
    await host.until("ctr version");
    stack.move();
    return new Containerd(host, containerd);
  }

  /** A container that is on the network until its process ends, and it with it. */
  run(id: string, ...command: readonly string[]): Process {
    const options = ["--cni", "--rm", "--rootfs", "--env", "PATH=/bin", "--cgroup", `${cgroup}/${id}`];
    const running = this.#host.start(["ctr", "run", ...options, box, id, ...command]);
    this.#running.push(running);
    return running;
  }

  /** What a command in a container prints. @throws Error with what it says when it fails */
  async exec(id: string, ...command: readonly string[]): Promise<string> {
    return await this.#host.exec(["ctr", "task", "exec", "--exec-id", `exec-${Date.now()}`, id, ...command]);
  }

  async kill(id: string): Promise<void> {
    await this.#host.exec(["ctr", "task", "kill", "--signal", "SIGKILL", id]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The containers that a failed test has left would outlive it.
    await this.#host.shell("ctr task ls -q | xargs -r -n 1 ctr task kill --signal SIGKILL");
    await Promise.all(this.#running.map(async ({ ended }) => await ended));
    await this.#containerd.kill("SIGTERM");
    await removeCgroups(this.#host, cgroup);
  }
}
