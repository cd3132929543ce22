import type { Host, Process } from "../src/hosts/index.ts";
import { referencePlugin } from "../src/servers/cni-plugins.ts";
import { findProgram } from "../src/servers/program.ts";

const has = (...programs: readonly string[]): boolean => programs.every((name) => findProgram(name) !== undefined);

/** Whether this machine can run containerd, and has the reference plugins: setup brings them. */
export const hasContainerd: boolean =
  has("containerd", "ctr", "runc", "busybox") && referencePlugin("loopback") !== undefined;

/** Whether it can run Podman with CNI. */
export const hasPodman: boolean =
  has("podman", "conmon", "runc", "busybox") && referencePlugin("loopback") !== undefined;

/** What their containers' cgroups are under, for these are the machine's. */
const cgroup = "nktest-cni";

/** Theirs, and those of which Podman can't be told. */
const folders = [
  ..."/etc/cni /opt/cni /run/containerd /var/lib/cni /var/lib/engines".split(" "),
  ..."/var/cache/containers /var/lib/containers".split(" "),
];

/** What lists of plugins have beside netkit's. */
const references = "loopback bridge host-local tuning firewall"
  .split(" ")
  .flatMap((name) => referencePlugin(name) ?? [])
  .join(" ");

/** What the image has beside busybox itself, which is static. */
const applets = ["sh", "ping", "sleep", "ip", "httpd", "nslookup"];

/** Folders of the host's own for engines, netkit's plugins where they look for them, and a busybox for their images. */
export async function prepareEngines(host: Host, network: string): Promise<void> {
  await host.shell(
    `${folders.map((folder) => `mkdir -p ${folder}; mount -t tmpfs tmpfs ${folder}`).join("\n")}
     netkit cni install --network ${network} >&2
     cp ${references} /opt/cni/bin/
     mkdir -p /var/lib/engines/box/bin /var/lib/engines/box/etc && cd /var/lib/engines/box
     cp "$(command -v busybox)" bin/busybox
     for applet in ${applets.join(" ")}; do ln -s busybox bin/$applet; done
     echo nameserver 127.0.0.11 > etc/resolv.conf
     tar -c . > ../box.tar`,
  );
}

/** What engines have left of their containers' cgroups: deepest first; a hierarchy may be without. */
export async function removeCgroups(host: Host): Promise<void> {
  await host.shell(`find /sys/fs/cgroup -depth -type d -path '*/${cgroup}*' -exec rmdir {} +`);
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

  /** With an image called `box`. */
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
    // The archive of docker save, of one layer.
    await host.shell(
      `mkdir -p /var/lib/engines/image && cd /var/lib/engines/image && cp ../box.tar layer.tar
       digest=$(sha256sum layer.tar | cut -d " " -f 1)
       printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
         "${goArchitecture}" "$digest" > config.json
       echo '[{"Config":"config.json","RepoTags":["box:latest"],"Layers":["layer.tar"]}]' > manifest.json
       tar -c . | ctr images import --snapshotter native - >&2`,
    );
    stack.move();
    return new Containerd(host, containerd);
  }

  /** A container that is on the network until its process ends, and it with it. */
  run(id: string, ...command: readonly string[]): Process {
    const options = ["--cni", "--rm", "--snapshotter", "native", "--cgroup", `${cgroup}/${id}`];
    const running = this.#host.start(["ctr", "run", ...options, "docker.io/library/box:latest", id, ...command]);
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
  }
}

const goArchitecture = process.arch === "x64" ? "amd64" : process.arch;

/** Podman with its CNI backend on a host of its own. It has no service. */
export class PodmanWithCni {
  readonly #host: Host;

  private constructor(host: Host) {
    this.#host = host;
  }

  /** With an image called `box`. */
  static async prepare(host: Host): Promise<PodmanWithCni> {
    // Its locks would be the machine's otherwise, and what it tells of events, too.
    await host.write(
      "/var/lib/engines/containers.conf",
      `[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
conmon_path = ["${findProgram("conmon") ?? ""}"]
[engine.runtimes]
runc = ["${findProgram("runc") ?? ""}"]
[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
`,
    );
    await host.write("/var/lib/engines/policy.json", '{ "default": [{ "type": "insecureAcceptAnything" }] }');
    const podman = new PodmanWithCni(host);
    await podman.run("import", "--signature-policy", "/var/lib/engines/policy.json", "/var/lib/engines/box.tar", "box");
    return podman;
  }

  /** The words of a command, for a shell. */
  get command(): string {
    return `CONTAINERS_CONF=/var/lib/engines/containers.conf podman --root /var/lib/engines/podman --runroot /run/containerd/podman --tmpdir /run/containerd/libpod --storage-driver vfs`;
  }

  /** What the command prints. @throws Error with what it says when it fails */
  async run(...words: readonly string[]): Promise<string> {
    return (await this.#host.exec(["sh", "-c", `${this.command} "$@"`, "sh", ...words])).trim();
  }

  /** A container of the image that goes on. */
  async start(
    name: string,
    network: string,
    options: readonly string[],
    ...command: readonly string[]
  ): Promise<string> {
    const given = ["--network", network, "--cgroup-parent", `/${cgroup}`, ...options];
    return await this.run("run", "-d", "--name", name, ...given, "box", ...command);
  }
}
